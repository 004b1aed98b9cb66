"""How a Monte-Carlo tree search ends: what it answers with, and a trajectory written to its end where it found no
solution; and its rollouts."""

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from redraft.agents.policies.policy import Policy
from redraft.agents.search.node import Node, probability
from redraft.agents.search.search import PATIENCE, Search
from redraft.graders.grader import Grader
from redraft.graders.selectors import weighted_majority
from redraft.llm.gather import together
from redraft.store.records import Grade, Trajectory


def most_visited(search: Search) -> Node | None:
    """The solution at the end of the most visited way: at each node, of the children below which there is a solution,
    the one with most visits, then the highest value, then the first. An unfinished trajectory is never the answer."""
    below = {node for solution in solutions(search) for node in solution.lineage()}
    node = search.root
    while chances := [child for child in node.children if child in below]:
        node = max(chances, key=lambda child: (child.visits, child.value or 0.0))
    return node if node.answered else None


def highest_value(search: Search) -> Node | None:
    """The solution of the highest value, the first of equals."""
    return best_node(solutions(search))


def most_voted(search: Search) -> Node | None:
    """The best solution of the answer whose solutions' values sum up to most, over the whole tree."""
    return vote_winner(solutions(search))


def best_node(found: Sequence[Node]) -> Node | None:
    """The node of the highest value, the first of equals."""
    return max(found, key=lambda node: node.value or 0.0, default=None)


def vote_winner(found: Sequence[Node]) -> Node | None:
    """The best of these solutions, of the answer whose values sum up to most."""
    trajectories = [node.trajectory for node in found]
    grades = [Grade("search", node.trajectory.trajectory_id, node.trajectory.turn, value=node.value) for node in found]
    index = weighted_majority(trajectories, grades).index
    return None if index is None else found[index]


FINAL_RULES: Mapping[str, Callable[[Search], Node | None]] = {
    "visits": most_visited,
    "value": highest_value,
    "vote": most_voted,
}


def solutions(search: Search) -> list[Node]:
    """The nodes that ended in an answer and have a value, in order."""
    return [node for node in search.nodes if node.answered and node.value is not None]


async def complete_best_node(search: Search, policy: Policy, depth: int) -> list[Node]:
    """Where no node has an answer, the open one of the highest value is written to its end, one continuation after the
    other: the nodes that this adds. Not after a budget's end, nor after too many failures."""
    chances = [node for node in search.nodes if not node.children and not node.ended and not node.closed]
    node = max(chances, key=lambda node: -1.0 if node.value is None else node.value, default=None)
    if search.spent or search.failures >= PATIENCE or any(each.answered for each in search.nodes):
        return []
    added: list[Node] = []
    while node and not node.ended and node.depth < depth:
        found = await search.expand(policy, node, 1, distinct=False)
        node = found[0] if found else None
        added += found
    return added


async def rollout_value(search: Search, policy: Policy, grader: Grader, node: Node, n: int, depth: int) -> float | None:
    """The mean of the grader's values of `n` rollouts from an open node, each written to its end, to at most `depth`
    steps. Those without an answer or a value count as none; None where there is no other. The search keeps them all."""

    async def written(trajectory: Trajectory) -> Trajectory:
        while trajectory.stop is None and len(trajectory.steps) < depth:
            more = await search.roll(policy, node, 1, trajectory)
            if not more:
                break
            [trajectory] = more
        return trajectory

    thrown = await together(written(trajectory) for trajectory in await search.roll(policy, node, n))
    ended = [trajectory for trajectory in thrown if trajectory.stop is not None and trajectory.answer is not None]
    grades = await search.grade(grader, ended)
    values = [probability(grade) for grade in grades]
    graded = zip(ended, grades, values, strict=True)
    search.rollouts += [trajectory for trajectory in thrown if trajectory not in ended]
    search.rollouts += [replace(trajectory, score=value, grades=(grade,)) for trajectory, grade, value in graded]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def back_up_all(nodes: Sequence[Node]) -> None:
    """Each node's value is backed up to the root, in order; those that have ended or have none are closed."""
    for node in nodes:
        if node.value is not None:
            node.back_up(node.value)
        if node.value is None or node.ended:
            node.close()
