"""Rollouts: trajectories that continue from a node to estimate the node's value. Rollouts are not part of the tree."""

from collections.abc import Sequence

from msgspec.structs import replace

from redraft.agents.critics.critic import Critic, Opinion, go_on
from redraft.agents.policies.policy import Policy
from redraft.agents.search.node import Node, probability, recorded_grade
from redraft.agents.search.search import Search, ask_critic
from redraft.agents.search.stop import apply_critic
from redraft.graders.grader import Grader
from redraft.llm.gather import gather
from redraft.store.trajectory import Trajectory


async def greedy_rollout_value(
    search: Search, policy: Policy, grader: Grader, critic: Critic, node: Node, branch: int, steps: int
) -> float | None:
    """Returns the highest value along a path of up to `steps` steps from a node (ReST-MCTS*). For each step of the
    path, `branch` steps are drawn, and the one with the highest value is taken.

    Returns None if the node has ended, if the critic ends it, or if no step of the path has a value. The path ends if
    its trajectory ends, or if the critic calls it finished or hopeless. All continuations are stored in the search as
    rollouts.
    """
    if not steps or await apply_critic(search, critic, node):
        return None
    seen: list[float] = []
    trajectory: Trajectory | None = None
    for _ in range(steps):
        rolled = await _scored(search, grader, await search.roll(policy, node, branch, trajectory))
        best = max(rolled, key=lambda one: -1.0 if one.score is None else one.score, default=None)
        search.rollouts += [one for one in rolled if one is not best]
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


async def rollout_value(search: Search, policy: Policy, grader: Grader, node: Node, n: int, depth: int) -> float | None:
    """Returns the mean of the grader's values of `n` rollouts from an open node. Each rollout is written to its end, or
    to `depth` steps. Rollouts without an answer or a value are ignored; returns None if none remain. All rollouts are
    stored in the search."""

    async def written(trajectory: Trajectory) -> Trajectory:
        while trajectory.stop is None and len(trajectory.steps) < depth:
            more = await search.roll(policy, node, 1, trajectory)
            if not more:
                break
            [trajectory] = more
        return trajectory

    rolled = await gather(written(trajectory) for trajectory in await search.roll(policy, node, n))
    ended = [trajectory for trajectory in rolled if trajectory.stop is not None and trajectory.answer is not None]
    grades = await search.grade(grader, ended)
    values = [probability(grade) for grade in grades]
    graded = zip(ended, grades, values, strict=True)
    search.rollouts += [trajectory for trajectory in rolled if trajectory not in ended]
    search.rollouts += [replace(trajectory, score=value, grades=(grade,)) for trajectory, grade, value in graded]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


async def _scored(search: Search, grader: Grader, rolled: Sequence[Trajectory]) -> list[Trajectory]:
    """Returns the trajectories with their values as scores, and with the grades of their last steps."""
    grades = await search.grade(grader, rolled)
    return [
        replace(trajectory, score=probability(grade), grades=(*trajectory.grades, recorded_grade(grade, trajectory)))
        for trajectory, grade in zip(rolled, grades, strict=True)
    ]


async def _criticized(search: Search, critic: Critic, trajectory: Trajectory) -> tuple[Trajectory, bool]:
    """Returns a pair: the trajectory with the critic's advice, and True if the critic ends it."""
    if critic is go_on:
        return trajectory, False
    critique, said = await ask_critic(critic, trajectory)
    search.critiques += 1
    trajectory = replace(trajectory, grades=(*trajectory.grades, said))
    if critique is None:
        return trajectory, False
    return replace(trajectory, advice=critique.advice), critique.opinion is not Opinion.GO_ON
