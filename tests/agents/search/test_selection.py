"""Selection: the formulas of UCT and PUCT, rounds of leaves, and the priors of siblings."""

import math
import random

import pytest
from msgspec.structs import replace

from redraft.agents.search.node import Node
from redraft.agents.search.selection import (
    add_dirichlet_noise,
    normalize_priors,
    puct,
    release,
    select_leaf,
    select_leaves,
    uct,
)
from redraft.store.trajectory import Trajectory
from world import QUESTION


def family(*children: Node, visits: int = 0) -> Node:
    root = Node(Trajectory(QUESTION), visits=visits)
    for child in children:
        child.parent = root
        root.children.append(child)
    return root


def node(logprob: float | None = None, **facts: object) -> Node:
    trajectory = Trajectory(QUESTION).grow("A", 0, logprob=logprob)
    made = Node(trajectory)
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def test_uct_is_the_mean_value_and_a_bonus_for_few_visits() -> None:
    child, new = node(visits=4, total=3.0), node(value=0.9)
    family(child, new, visits=10)
    assert uct(1.4)(child) == pytest.approx(3 / 4 + 1.4 * math.sqrt(math.log(10) / 4))
    assert uct(0.0)(child) == 0.75
    assert uct(1.4)(new) == math.inf
    only = node(visits=1, total=0.5)
    family(only, visits=0)
    assert uct(1.4)(only) == 0.5  # ln of at least 1


def test_puct_weighs_the_bonus_by_the_prior() -> None:
    child, new, unknown = node(visits=4, total=3.0, prior=0.5), node(value=0.9, prior=0.25), node(prior=0.0)
    family(child, new, unknown, visits=10)
    width = math.log((10 + 100 + 1) / 100) + 1.25
    rule = puct(1.25, 100)
    assert rule(child) == pytest.approx(3 / 4 + 0.5 * width * math.sqrt(10) / 5)
    assert rule(new) == pytest.approx(0.9 + 0.25 * width * math.sqrt(10))
    assert rule(unknown) == 0.0


def test_a_visit_under_way_counts_as_one_that_brought_nothing() -> None:
    child = node(visits=4, total=3.0, pending=1, prior=0.5)
    root = family(child, visits=10)
    root.pending = 1
    assert uct(2.0)(child) == pytest.approx(3 / 5 + 2 * math.sqrt(math.log(11) / 5))
    width = math.log((11 + 100 + 1) / 100) + 1.25
    assert puct(1.25, 100)(child) == pytest.approx(3 / 5 + 0.5 * width * math.sqrt(11) / 6)


def test_the_first_of_equal_children_is_selected_and_a_closed_child_is_not() -> None:
    closed, first, second = node(closed=True), node(), node()
    root = family(closed, first, second)
    assert select_leaf(root, uct(1.0)) is first
    assert (root.pending, closed.pending, first.pending, second.pending) == (1, 0, 1, 0)


def test_a_round_has_each_open_leaf_once_and_its_release_leaves_no_trace() -> None:
    inner = node(visits=2, total=2.0)
    below = [node(), node()]
    for leaf in below:
        leaf.parent = inner
        inner.children.append(leaf)
    poor = node(visits=1, total=0.0)
    root = family(inner, poor, visits=3)
    leaves = select_leaves(root, uct(0.1), 5)
    assert len(leaves) == 3
    assert {id(leaf) for leaf in leaves} == {id(leaf) for leaf in (*below, poor)}
    assert (root.pending, inner.pending) == (3, 2)
    for leaf in leaves:
        release(leaf)
    assert {each.pending for each in (root, inner, poor, *below)} == {0}


def test_a_virtual_loss_sends_the_second_visit_elsewhere() -> None:
    # After its virtual loss the better child counts 1.2 / 3 = 0.4 a visit, less than the other's 0.5.
    better, other = node(visits=2, total=1.2), node(visits=2, total=1.0)
    better.children = [node(parent=better), node(parent=better)]
    other.children = [node(parent=other), node(parent=other)]
    root = family(better, other, visits=4)
    assert [leaf.parent for leaf in select_leaves(root, uct(0.0), 2)] == [better, other]


def test_nothing_is_selected_below_a_closed_root_or_twice_at_a_lone_root() -> None:
    assert select_leaf(node(closed=True), uct(1.0)) is None
    root = node()
    assert select_leaves(root, uct(1.0), 3) == [root]


@pytest.mark.parametrize("shift", [0.0, -2000.0])
def test_priors_are_the_probabilities_made_to_sum_to_one(shift: float) -> None:
    children = [node(logprob=math.log(p) + shift) for p in (0.1, 0.3, 0.1)] + [node(logprob=0.0, closed=True)]
    normalize_priors(children)
    assert [child.prior for child in children] == pytest.approx([0.2, 0.6, 0.2, 0.0])


@pytest.mark.parametrize("logprobs", [(-1.0, None), (-math.inf, -math.inf), (None, None)])
def test_priors_are_equal_if_a_probability_is_missing_or_all_are_zero(logprobs: tuple[float | None, ...]) -> None:
    children = [node(logprob=logprob) for logprob in logprobs]
    normalize_priors(children)
    assert [child.prior for child in children] == [0.5, 0.5]


def test_children_that_are_all_closed_have_no_prior() -> None:
    children = [node(logprob=-1.0, closed=True)]
    normalize_priors(children)
    add_dirichlet_noise(children, 0.5, 1.0, random.Random(0))
    normalize_priors([])
    assert children[0].prior == 0.0


def test_noise_is_a_share_of_a_dirichlet_draw() -> None:
    chance = random.Random(5)
    drawn: list[float] = []
    for _ in range(4000):
        children = [node(prior=1.0), node(prior=0.0), node(prior=0.0), node(prior=0.7, closed=True)]
        add_dirichlet_noise(children, 0.25, 0.5, chance)
        assert children[3].prior == 0.7
        assert sum(child.prior for child in children[:3]) == pytest.approx(1.0)
        drawn.append(children[1].prior / 0.25)
    # D of three parts with alpha 1/2 has the mean 1/3 and the variance (1/3)(2/3) / (3/2 + 1).
    mean = sum(drawn) / len(drawn)
    spread = sum((part - mean) ** 2 for part in drawn) / len(drawn)
    assert mean == pytest.approx(1 / 3, abs=0.02)
    assert spread == pytest.approx(2 / 9 / 2.5, abs=0.01)


@pytest.mark.parametrize(("weight", "seed"), [(0.0, 0), (1.0, 0), (1.0, 1)])
def test_noise_of_no_weight_changes_nothing_and_of_full_weight_is_the_draw(weight: float, seed: int) -> None:
    children = [node(prior=0.9), node(prior=0.1)]
    add_dirichlet_noise(children, weight, 0.3, random.Random(seed))
    gammas = random.Random(seed)
    parts = [gammas.gammavariate(0.3, 1.0), gammas.gammavariate(0.3, 1.0)]
    wanted = [part / sum(parts) for part in parts] if weight else [0.9, 0.1]
    assert [child.prior for child in children] == pytest.approx(wanted)


def test_the_log_probability_of_a_node_is_that_of_its_own_steps() -> None:
    parent = node(logprob=-5.0)
    trajectory = parent.trajectory.grow("B", 0, logprob=-1.0).grow("C", 0, logprob=-0.5)
    assert Node(trajectory, parent).logprob == -1.5
    assert Node(replace(trajectory.grow("D", 0)), parent).logprob is None
    assert Node(Trajectory(QUESTION)).logprob == 0
