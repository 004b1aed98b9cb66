"""How a Monte-Carlo tree search ends: what it answers with, and a path written to its end where it found no solution;
and its rollouts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from redraft.agents.policies.policy import Policy
from redraft.agents.search.node import Node, probability
from redraft.agents.search.search import PATIENCE, Search
from redraft.graders.grader import Grader
from redraft.graders.selectors import weighted_majority
from redraft.llm.gather import together
from redraft.store.records import Grade, Trajectory


def visits(search: Search) -> Node | None:
    """The solution at the end of the most visited way: at each node, of the children below which there is a solution,
    the one with most visits, then the highest value, then the first. An unfinished path is never the answer."""
    below = {node for solution in solutions(search) for node in solution.up()}
    node = search.root
    while chances := [child for child in node.children if child in below]:
        node = max(chances, key=lambda child: (child.visits, child.value or 0.0))
    return node if node.answered else None


def value(search: Search) -> Node | None:
    """The solution of the highest value, the first of equals."""
    return highest(solutions(search))


def vote(search: Search) -> Node | None:
    """The best solution of the answer whose solutions' values sum up to most, over the whole tree."""
    return voted(solutions(search))


def highest(found: Sequence[Node]) -> Node | None:
    """The node of the highest value, the first of equals."""
    return max(found, key=lambda node: node.value or 0.0, default=None)


def voted(found: Sequence[Node]) -> Node | None:
    """The best of these solutions, of the answer whose values sum up to most."""
    paths = [node.path for node in found]
    grades = [Grade("search", node.path.trajectory_id, node.path.turn, value=node.value) for node in found]
    index = weighted_majority(paths, grades).index
    return None if index is None else found[index]


MOVES: Mapping[str, Callable[[Search], Node | None]] = {"visits": visits, "value": value, "vote": vote}


def solutions(search: Search) -> list[Node]:
    """The nodes that ended in an answer and have a value, in order."""
    return [node for node in search.nodes if node.answered and node.value is not None]


async def finished(search: Search, policy: Policy, depth: int) -> list[Node]:
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


async def rolled_value(search: Search, policy: Policy, grader: Grader, node: Node, n: int, depth: int) -> float | None:
    """The mean of the grader's values of `n` rollouts from an open node, each written to its end, to at most `depth`
    steps. Those without an answer or a value count as none; None where there is no other. The search keeps them all."""

    async def written(path: Trajectory) -> Trajectory:
        while path.stop is None and len(path.steps) < depth:
            more = await search.roll(policy, node, 1, path)
            if not more:
                break
            [path] = more
        return path

    thrown = await together(written(path) for path in await search.roll(policy, node, n))
    ended = [path for path in thrown if path.stop is not None and path.answer is not None]
    grades = await search.grade(grader, ended)
    values = [probability(grade) for grade in grades]
    graded = zip(ended, grades, values, strict=True)
    search.rollouts += [path for path in thrown if path not in ended]
    search.rollouts += [replace(path, score=value, grades=(grade,)) for path, grade, value in graded]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def backed_up(nodes: Sequence[Node]) -> None:
    """Each node's value is backed up to the root, in order; those that have ended or have none are closed."""
    for node in nodes:
        if node.value is not None:
            node.back_up(node.value)
        if node.value is None or node.ended:
            node.close()
