"""The final answer of a tree search, and the completion of a trajectory if the search found no solution."""

from collections.abc import Callable, Mapping, Sequence

from redraft.agents.policies.policy import Policy
from redraft.agents.search.node import Node
from redraft.agents.search.search import PATIENCE, Search
from redraft.graders.selectors import weighted_majority
from redraft.store.trajectory import Grade


def most_visited(search: Search) -> Node | None:
    """Returns the solution at the end of the most visited path. At each node the path takes the child with the most
    visits, among the children that lead to a solution. If visits are equal, it takes the child with the highest value,
    and then the first child. An unfinished trajectory is never the answer."""
    below = {node for solution in solutions(search) for node in solution.lineage()}
    node = search.root
    while chances := [child for child in node.children if child in below]:
        node = max(chances, key=lambda child: (child.visits, child.value or 0.0))
    return node if node.answered else None


def highest_value(search: Search) -> Node | None:
    """Returns the solution with the highest value. If values are equal, the first wins."""
    return best_node(solutions(search))


def most_voted(search: Search) -> Node | None:
    """Returns the best solution that has the winning answer. The values of all solutions with the same answer are
    summed over the whole tree, and the answer with the highest sum wins."""
    return vote_winner(solutions(search))


def best_node(found: Sequence[Node]) -> Node | None:
    """Returns the node with the highest value. If values are equal, the first wins."""
    return max(found, key=lambda node: node.value or 0.0, default=None)


def vote_winner(found: Sequence[Node]) -> Node | None:
    """Returns the best of these solutions that has the winning answer. The values of the solutions with the same answer
    are summed, and the answer with the highest sum wins."""
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
    """Returns the nodes that ended in an answer and have a value, in the order of their creation."""
    return [node for node in search.nodes if node.answered and node.value is not None]


async def complete_best_node(search: Search, policy: Policy, depth: int) -> list[Node]:
    """Writes the best open trajectory to its end if no node has an answer. Returns the new nodes; the list is empty if
    a budget is used up, or after PATIENCE failures."""
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
