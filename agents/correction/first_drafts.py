"""The first drafts of correction: drafts by the policy, or the picks of an inner strategy."""

from collections.abc import Sequence

from msgspec.structs import replace

from redraft.agents.agent import Agent
from redraft.agents.correction.drafts import UNENDED, with_role
from redraft.agents.policies.policy import Policy
from redraft.agents.sampling.graph import Tree
from redraft.llm.gather import gather
from redraft.store.trajectory import Role, Stop, Trajectory


async def first_drafts(tree: Tree, policy: Policy, draft: Agent | None, samples: int) -> None:
    """Adds the first draft of each of `samples` samples to the tree. The policy writes the drafts, unless a `draft`
    strategy is given. The `draft` strategy solves the question once for each sample in a separate branch of the tree,
    and its pick is the first draft. Its other trajectories are added with the role SEARCH, because they are not samples
    of the whole strategy."""
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
    """Returns the draft to revise: the pick of the inner strategy, otherwise the first draft that ended by itself,
    otherwise the first draft."""
    chosen = (trajectory for trajectory in explored if trajectory.chosen)
    ended = (trajectory for trajectory in explored if trajectory.stop not in UNENDED)
    return next(chosen, None) or next(ended, None) or next(iter(explored), None)


def _reopen(trajectory: Trajectory) -> Trajectory:
    """Returns the trajectory as an ordinary draft, even if a limit of the inner strategy ended it."""
    return trajectory if trajectory.stop in UNENDED else replace(trajectory, stop=Stop.ANSWERED, reason=None)


def _explored_beside(trajectory: Trajectory, sample: int) -> Trajectory:
    """Returns a trajectory of a sample that was not picked, with the role SEARCH. A rollout keeps the role ROLLOUT."""
    return with_role(trajectory, Role.ROLLOUT if trajectory.role is Role.ROLLOUT else Role.SEARCH, sample)


def _distinct(trajectories: Sequence[Trajectory]) -> list[Trajectory]:
    """Returns one trajectory for each id. Empty trajectories at the same position share an id; a failed trajectory is
    preferred among them."""
    failed = {trajectory.trajectory_id: trajectory for trajectory in trajectories if trajectory.stop is Stop.FAILED}
    return list(({trajectory.trajectory_id: trajectory for trajectory in reversed(trajectories)} | failed).values())
