"""Which node a Monte-Carlo tree search visits next: UCT and PUCT, and rounds of leaves told apart by virtual losses."""

import math
import random
from collections.abc import Callable

from redraft.agents.search.node import Node

Rule = Callable[[Node], float]
"""How much a child deserves the next visit."""


def uct(exploration: float) -> Rule:
    """Q + c * sqrt(ln N / n) (Kocsis and Szepesvari 2006; UCB1): Q the mean of what the child's n visits brought, N its
    parent's visits. A child that was never visited comes first."""

    def score(node: Node) -> float:
        visits = node.visits + node.pending
        if not visits:
            return math.inf
        return _mean_value(node) + exploration * math.sqrt(math.log(max(1, _parent_visits(node))) / visits)

    return score


def puct(c_init: float, c_base: float) -> Rule:
    """Q + P * (ln((N + c_base + 1) / c_base) + c_init) * sqrt(N) / (1 + n) (Silver et al. 2018), P the child's prior.
    A child that was never visited has its own value as Q, 0 without one."""

    def score(node: Node) -> float:
        above = _parent_visits(node)
        width = math.log((above + c_base + 1) / c_base) + c_init
        return _mean_value(node) + node.prior * width * math.sqrt(above) / (1 + node.visits + node.pending)

    return score


def select_leaf(root: Node, rule: Rule) -> Node | None:
    """From the root down, the child of the highest score that is not closed, the first of equals, to a node without
    children; the way there gets a virtual loss. None where all is closed, or on its way already."""
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
    """A round of up to `most` different leaves, each selected as if those before it had brought nothing. What is
    selected depends on the tree alone. `released` ends the round."""
    found: list[Node] = []
    while len(found) < most and (leaf := select_leaf(root, rule)):
        found.append(leaf)
    return found


def release(leaf: Node) -> None:
    """The leaf's virtual loss is taken back."""
    for node in leaf.lineage():
        node.pending -= 1


def normalize_priors(children: list[Node]) -> None:
    """Sets the priors of siblings: the probabilities of what they add, made to sum to 1; all alike where any of these
    is not known. A child that can't be visited has none."""
    logs = {child: child.logprob for child in children if not child.closed}
    known = [log for log in logs.values() if log is not None]
    top = max(known, default=0.0)
    weights = {child: math.exp(log - top) if log is not None else 0.0 for child, log in logs.items()}
    if len(known) < len(logs) or not sum(weights.values()):
        weights = dict.fromkeys(logs, 1.0)
    for child in children:
        child.prior = weights.get(child, 0.0) / (sum(weights.values()) or 1.0)


def add_dirichlet_noise(children: list[Node], weight: float, alpha: float, chance: random.Random) -> None:
    """Mixes noise into the priors P of siblings, so that a search from their parent does not only follow them:
    (1 - weight) P + weight D, D drawn from the symmetric Dirichlet distribution of `alpha` over those that can be
    visited (Silver et al. 2018)."""
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
    """Whether anything at or below a node that is not closed can still be selected in this round."""
    return not node.pending or any(not child.closed and _is_selectable(child) for child in node.children)
