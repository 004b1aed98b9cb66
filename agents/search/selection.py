"""Selection in Monte-Carlo tree search: UCT, PUCT, and rounds of leaves that virtual losses keep apart."""

import math
import random
from collections.abc import Callable

from redraft.agents.search.node import Node

Rule = Callable[[Node], float]
"""The priority of a child for the next visit: the highest is visited."""


def uct(exploration: float) -> Rule:
    """Q + c * sqrt(ln N / n) (Kocsis and Szepesvari 2006; UCB1): Q is the mean value of the child's n visits, N its
    parent's visits. A child that was never visited comes first."""

    def score(node: Node) -> float:
        visits = node.visits + node.pending
        if not visits:
            return math.inf
        return _mean_value(node) + exploration * math.sqrt(math.log(max(1, _parent_visits(node))) / visits)

    return score


def puct(c_init: float, c_base: float) -> Rule:
    """Q + P * (ln((N + c_base + 1) / c_base) + c_init) * sqrt(N) / (1 + n) (Silver et al. 2018), P the child's prior. A
    child that was never visited has its own value as Q, 0 without a value."""

    def score(node: Node) -> float:
        above = _parent_visits(node)
        width = math.log((above + c_base + 1) / c_base) + c_init
        return _mean_value(node) + node.prior * width * math.sqrt(above) / (1 + node.visits + node.pending)

    return score


def select_leaf(root: Node, rule: Rule) -> Node | None:
    """The leaf at the end of the open children of highest score, from the root down, of equals the first; the way there
    gets a virtual loss. None if all nodes are closed or already selected."""
    node = root
    while node.children:
        chances = [child for child in node.children if not child.closed and _is_selectable(child)]
        if not chances:
            return None
        node = max(chances, key=rule)
    if node.closed or not _is_selectable(node):
        return None
    for each in node.lineage():
        each.pending += 1
    return node


def select_leaves(root: Node, rule: Rule, most: int) -> list[Node]:
    """A round of up to `most` different leaves, each selected as if the leaves before it had brought nothing. The
    selection depends on the tree alone. `release` ends the round."""
    found: list[Node] = []
    while len(found) < most and (leaf := select_leaf(root, rule)):
        found.append(leaf)
    return found


def release(leaf: Node) -> None:
    """Takes back the leaf's virtual loss."""
    for node in leaf.lineage():
        node.pending -= 1


def normalize_priors(children: list[Node]) -> None:
    """Sets the priors of siblings to the probabilities of their texts, made to sum to 1; all are equal if any of these
    is not known, or if all are 0. A closed child has none."""
    logs = {child: child.logprob for child in children if not child.closed}
    known = [log for log in logs.values() if log is not None]
    top = max(known, default=0.0)
    weights = {child: math.exp(log - top) for child, log in logs.items() if log is not None and top > -math.inf}
    if len(weights) < len(logs):
        weights = dict.fromkeys(logs, 1.0)
    for child in children:
        child.prior = weights.get(child, 0.0) / (sum(weights.values()) or 1.0)


def add_dirichlet_noise(children: list[Node], weight: float, alpha: float, chance: random.Random) -> None:
    """Mixes noise into the priors P of siblings, so that a search from their parent explores more: (1 - weight) P +
    weight D, D drawn from the symmetric Dirichlet distribution of `alpha` over the open siblings (Silver et al.
    2018)."""
    going = [child for child in children if not child.closed]
    drawn = [chance.gammavariate(alpha, 1.0) for _ in going]
    for child, part in zip(going, drawn, strict=True):
        child.prior = (1 - weight) * child.prior + weight * part / (sum(drawn) or 1.0)


def _parent_visits(node: Node) -> int:
    return node.parent.visits + node.parent.pending if node.parent else 0


def _mean_value(node: Node) -> float:
    visits = node.visits + node.pending
    return node.total / visits if visits else (node.value or 0.0)


def _is_selectable(node: Node) -> bool:
    """Whether anything at or below an open node can still be selected in this round."""
    return not node.pending or any(not child.closed and _is_selectable(child) for child in node.children)
