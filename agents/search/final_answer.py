"""The final answer of a tree search, and the completion of a trajectory if no solution was found."""

from collections.abc import Callable, Mapping, Sequence

from redraft.agents.policies.policy import Policy
from redraft.agents.search.node import Node
from redraft.agents.search.search import PATIENCE, Search
from redraft.graders.selectors import weighted_majority
from redraft.store.trajectory import Grade


def most_visited(search: Search) -> Node | None:
    """The solution at the end of the most visited way: at each node, among the children above a solution, the child
    with most visits, then the highest value, then the first. An unfinished trajectory is never the answer."""
    below = {node for solution in solutions(search) for node in solution.lineage()}
    node = search.root
    while chances := [child for child in node.children if child in below]:
        node = max(chances, key=lambda child: (child.visits, child.value or 0.0))
    return node if node.answered else None


def highest_value(search: Search) -> Node | None:
    """The solution of the highest value, the first of equals."""
    return best_node(solutions(search))


def most_voted(search: Search) -> Node | None:
    """The best solution of the answer whose solutions' values have the highest sum, over the whole tree."""
    return vote_winner(solutions(search))


def best_node(found: Sequence[Node]) -> Node | None:
    """The node of the highest value, the first of equals."""
    return max(found, key=lambda node: node.value or 0.0, default=None)


def vote_winner(found: Sequence[Node]) -> Node | None:
    """The best of these solutions, of the answer whose values have the highest sum."""
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
    """The nodes that complete the best open node, one continuation after the other, if no node has an answer. There are
    none after a budget's end, or after too many failures."""
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
