"""ReST-MCTS*'s greedy rollout: a few steps on from a node, the best of each kept, to see how good it can get."""

from collections.abc import Sequence

from msgspec.structs import replace

from redraft.agents.critics.critic import Critic, Opinion, go_on
from redraft.agents.policies.policy import Policy
from redraft.agents.search.node import Node, probability, recorded_grade
from redraft.agents.search.search import Search, ask_critic
from redraft.agents.search.termination import apply_critic
from redraft.graders.grader import Grader
from redraft.store.records import Trajectory


async def greedy_rollout_value(
    search: Search, policy: Policy, grader: Grader, critic: Critic, node: Node, branch: int, steps: int
) -> float | None:
    """The greatest value on the way of up to `steps` steps from a node, each the best valued of `branch`; None where
    the node has ended, or the critic ends it, and where nothing on the way has a value.

    The way ends where its trajectory does, and where the critic calls it finished or hopeless. All that was written is
    kept by the search as rollouts, no part of the tree.
    """
    if not steps or await apply_critic(search, critic, node):
        return None
    seen: list[float] = []
    trajectory: Trajectory | None = None
    for _ in range(steps):
        thrown = await _scored(search, grader, await search.roll(policy, node, branch, trajectory))
        best = max(thrown, key=lambda one: -1.0 if one.score is None else one.score, default=None)
        search.rollouts += [one for one in thrown if one is not best]
        if best is None:
            break
        trajectory = best
        if best.score is not None:
            seen.append(best.score)
        if best.score is None or best.stop is not None:
            break
        trajectory, over = await _criticized(search, critic, best)
        if over:
            break
    if trajectory:
        search.rollouts.append(trajectory)
    return max(seen, default=None)


async def _scored(search: Search, grader: Grader, thrown: Sequence[Trajectory]) -> list[Trajectory]:
    """The trajectories with their values as scores, and the grades of their last steps."""
    grades = await search.grade(grader, thrown)
    return [
        replace(trajectory, score=probability(grade), grades=(*trajectory.grades, recorded_grade(grade, trajectory)))
        for trajectory, grade in zip(thrown, grades, strict=True)
    ]


async def _criticized(search: Search, critic: Critic, trajectory: Trajectory) -> tuple[Trajectory, bool]:
    """The trajectory with the critic's advice, and whether the critic ends it."""
    if critic is go_on:
        return trajectory, False
    critique, said = await ask_critic(critic, trajectory)
    search.critiques += 1
    trajectory = replace(trajectory, grades=(*trajectory.grades, said))
    if critique is None:
        return trajectory, False
    return replace(trajectory, advice=critique.advice), critique.opinion is not Opinion.GO_ON
