"""Ends a search's nodes: by the critic, because no continuation has text, or at the maximum depth."""

from msgspec.structs import replace

from redraft.agents.critics.critic import Critic, Opinion
from redraft.agents.search.node import Node
from redraft.agents.search.search import Search
from redraft.graders.answers.extract import extract
from redraft.store.trajectory import Stop


async def apply_critic(search: Search, critic: Critic, node: Node) -> bool:
    """Asks the critic once about an open node with text, and ends the node if the critic decides so. Returns True if
    the node has ended.

    If the critic calls the node finished, the node ends with the answer in its text. If the text has no answer, the
    node continues until it has one. A hopeless node ends without an answer. If the critic's call failed, the node
    continues. Raises fatal ModelErrors.
    """
    if node.ended or not node.trajectory.steps:
        return node.ended
    critique = await search.critique(critic, node)
    if critique is None or critique.opinion is Opinion.GO_ON:
        return False
    trajectory = node.trajectory
    answer = extract(trajectory.text(), trajectory.question.kind) if critique.opinion is Opinion.FINISHED else None
    if critique.opinion is Opinion.FINISHED and answer is None:
        return False
    node.trajectory = replace(
        trajectory, stop=Stop.CRITIC, answer=answer, reason=critique.reason or str(critique.opinion)
    )
    return True


def apply_depth_limit(node: Node, depth: int) -> list[Node]:
    """Returns the children of an expanded node that need a value: open nodes and solutions. The other children are
    closed. An open child at `depth` ends with the stop `length`. A node without children is closed."""
    for child in node.children:
        if not child.ended and child.depth >= depth:
            child.end(Stop.LENGTH, f"It has depth={depth} steps, which is the most.")
        if child.ended and not child.answered:
            child.close()
    if not node.children:
        node.close()
    return [child for child in node.children if not child.closed]
