"""Selection in Monte-Carlo tree search: UCT, PUCT, and rounds of several leaves. Virtual losses make the leaves of a
round differ."""

import math
import random
from collections.abc import Callable

from redraft.agents.search.node import Node

Rule = Callable[[Node], float]
"""A function that returns the priority of a child. The child with the highest priority is visited next."""


def uct(exploration: float) -> Rule:
    """Returns the rule Q + c * sqrt(ln N / n), where c is `exploration` (UCB1; Kocsis and Szepesvari 2006). Q is the
    mean value of the child's n visits, and N is the number of visits of its parent. A child that was never visited
    comes first."""

    def score(node: Node) -> float:
        visits = node.visits + node.pending
        if not visits:
            return math.inf
        return _mean_value(node) + exploration * math.sqrt(math.log(max(1, _parent_visits(node))) / visits)

    return score


def puct(c_init: float, c_base: float) -> Rule:
    """Returns the rule Q + P * (ln((N + c_base + 1) / c_base) + c_init) * sqrt(N) / (1 + n) (Silver et al. 2018). P is
    the child's prior, n the child's visits and N the parent's. If a child was never visited, Q is its own value, or 0
    if it has no value."""

    def score(node: Node) -> float:
        above = _parent_visits(node)
        width = math.log((above + c_base + 1) / c_base) + c_init
        return _mean_value(node) + node.prior * width * math.sqrt(above) / (1 + node.visits + node.pending)

    return score


def select_leaf(root: Node, rule: Rule) -> Node | None:
    """Returns the leaf that the rule selects, or None if all nodes are closed or already selected. Selection starts at
    the root and follows the open child with the highest priority, the first one among equal priorities. Each node of
    the path gets a virtual loss."""
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
    """Returns up to `most` different leaves for one round. Each leaf is selected as if the leaves before it had the
    value 0. The selection depends only on the tree. After the round, `release` must be called for each leaf."""
    found: list[Node] = []
    while len(found) < most and (leaf := select_leaf(root, rule)):
        found.append(leaf)
    return found


def release(leaf: Node) -> None:
    """Removes the virtual loss of a leaf and its ancestors: the value 0 that counted while the leaf was selected."""
    for node in leaf.lineage():
        node.pending -= 1


def normalize_priors(children: list[Node]) -> None:
    """Sets the priors of siblings to the probabilities of their texts, scaled so that they sum to 1. If any probability
    is unknown, or if all are 0, the priors are equal. A closed child has no prior."""
    logs = {child: child.logprob for child in children if not child.closed}
    known = [log for log in logs.values() if log is not None]
    top = max(known, default=0.0)
    weights = {child: math.exp(log - top) for child, log in logs.items() if log is not None and top > -math.inf}
    if len(weights) < len(logs):
        weights = dict.fromkeys(logs, 1.0)
    for child in children:
        child.prior = weights.get(child, 0.0) / (sum(weights.values()) or 1.0)


def add_dirichlet_noise(children: list[Node], weight: float, alpha: float, chance: random.Random) -> None:
    """Mixes noise into the priors P of siblings, so that a search from their parent explores more: the new prior is (1
    - weight) P + weight D. D is drawn from the symmetric Dirichlet distribution with concentration `alpha` over the
    open siblings (Silver et al. 2018)."""
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
    """Returns True if anything at or below an open node can still be selected in this round."""
    return not node.pending or any(not child.closed and _is_selectable(child) for child in node.children)
