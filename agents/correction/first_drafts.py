"""The first drafts of correction: the policy's own, or the picks of a strategy inside the strategy."""

from collections.abc import Sequence

from msgspec.structs import replace

from redraft.agents.agent import Agent
from redraft.agents.correction.drafts import UNENDED, with_role
from redraft.agents.policies.policy import Policy
from redraft.agents.sampling.graph import Tree
from redraft.llm.gather import gather
from redraft.store.trajectory import Role, Stop, Trajectory


async def first_drafts(tree: Tree, policy: Policy, draft: Agent | None, samples: int) -> None:
    """Puts a first draft of each of `samples` into the tree: the policy's, or the pick of the `draft` strategy, which
    solves the question anew for each sample in a branch of the tree. Its other trajectories stay beside the picks, in
    the role of a search: they are no samples of the whole strategy."""
    if draft is None:
        tree.keep(await policy(Trajectory(tree.question), samples))
        return
    questions = [replace(tree.question, branch=f"{number}/" if number else "") for number in range(samples)]
    for number, explored in enumerate(await gather(draft(question) for question in questions)):
        begun = _chosen_draft(explored) or Trajectory(
            questions[number], stop=Stop.DEAD_END, reason="There is no first draft."
        )
        tree.keep([_reopen(with_role(begun, Role.SAMPLE, number))])
        tree.others += _distinct(
            [_explored_beside(trajectory, number) for trajectory in explored if trajectory is not begun]
        )


def _chosen_draft(explored: Sequence[Trajectory]) -> Trajectory | None:
    """The draft to be revised: the strategy's choice, otherwise the first that ended by itself, otherwise the first."""
    chosen = (trajectory for trajectory in explored if trajectory.chosen)
    ended = (trajectory for trajectory in explored if trajectory.stop not in UNENDED)
    return next(chosen, None) or next(ended, None) or next(iter(explored), None)


def _reopen(trajectory: Trajectory) -> Trajectory:
    """The trajectory as an ordinary draft, if a rule of the strategy inside has ended it."""
    return trajectory if trajectory.stop in UNENDED else replace(trajectory, stop=Stop.ANSWERED, reason=None)


def _explored_beside(trajectory: Trajectory, sample: int) -> Trajectory:
    """Another explored trajectory of a sample, in the role of a search; a rollout stays a rollout."""
    return with_role(trajectory, Role.ROLLOUT if trajectory.role is Role.ROLLOUT else Role.SEARCH, sample)


def _distinct(trajectories: Sequence[Trajectory]) -> list[Trajectory]:
    """One trajectory for each id: empty trajectories at one place share an id, and a failed one has precedence."""
    failed = {trajectory.trajectory_id: trajectory for trajectory in trajectories if trajectory.stop is Stop.FAILED}
    return list(({trajectory.trajectory_id: trajectory for trajectory in reversed(trajectories)} | failed).values())
