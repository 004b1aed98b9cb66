"""ReST-MCTS*'s greedy rollout: a few steps on from a node, the best of each kept, to see how good it can get."""

from collections.abc import Sequence
from dataclasses import replace

from redraft.agents.critics.critic import Critic, Opinion, go_on
from redraft.agents.policies.policy import Policy
from redraft.agents.search.node import Node, graded, probability
from redraft.agents.search.search import Search, opinion
from redraft.agents.search.termination import criticised
from redraft.graders.grader import Grader
from redraft.store.records import Trajectory


async def rolled_forward(
    search: Search, policy: Policy, grader: Grader, critic: Critic, node: Node, branch: int, steps: int
) -> float | None:
    """The greatest value on the way of up to `steps` steps from a node, each the best valued of `branch`; None where
    the node has ended, or the critic ends it, and where nothing on the way has a value.

    The way ends where its path does, and where the critic calls it finished or hopeless. All that was written is kept
    by the search as rollouts, no part of the tree.
    """
    if not steps or await criticised(search, critic, node):
        return None
    seen: list[float] = []
    path: Trajectory | None = None
    for _ in range(steps):
        thrown = await _valued(search, grader, await search.roll(policy, node, branch, path))
        best = max(thrown, key=lambda one: -1.0 if one.score is None else one.score, default=None)
        search.rollouts += [one for one in thrown if one is not best]
        if best is None:
            break
        path = best
        if best.score is not None:
            seen.append(best.score)
        if best.score is None or best.stop is not None:
            break
        path, over = await _judged(search, critic, best)
        if over:
            break
    if path:
        search.rollouts.append(path)
    return max(seen, default=None)


async def _valued(search: Search, grader: Grader, thrown: Sequence[Trajectory]) -> list[Trajectory]:
    """The paths with their values as scores, and the grades of their last steps."""
    grades = await search.grade(grader, thrown)
    return [
        replace(path, score=probability(grade), grades=(*path.grades, graded(grade, path)))
        for path, grade in zip(thrown, grades, strict=True)
    ]


async def _judged(search: Search, critic: Critic, path: Trajectory) -> tuple[Trajectory, bool]:
    """The path with the critic's advice, and whether the critic ends it."""
    if critic is go_on:
        return path, False
    critique, said = await opinion(critic, path)
    search.critiques += 1
    path = replace(path, grades=(*path.grades, said))
    if critique is None:
        return path, False
    return replace(path, advice=critique.advice), critique.opinion is not Opinion.GO_ON
