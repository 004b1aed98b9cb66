"""A node: its visits and values, how it closes and ends, and the reading of its grades."""

import math

import pytest
from msgspec.structs import replace

from redraft.agents.critics.critic import Critique, Opinion
from redraft.agents.search.node import Node, back_up_all, end_duplicates, probability, recorded_grade
from redraft.store.trajectory import Detail, Grade, Stop, Trajectory
from world import QUESTION


def below(parent: Node, text: str, **facts: object) -> Node:
    number = len(parent.children)
    child = Node(parent.trajectory.grow(text, number), parent, number=number, depth=parent.depth + 1)
    for name, value in facts.items():
        setattr(child, name, value)
    parent.children.append(child)
    return child


@pytest.fixture
def root() -> Node:
    return Node(Trajectory(QUESTION))


def test_values_are_the_means_of_all_visits_at_and_below(root: Node) -> None:
    left, right = below(root, "A"), below(root, "B")
    deep = below(left, "C")
    for node, value in ((left, 0.4), (deep, 1.0), (right, 0.1)):
        node.back_up(value)
    told = [(node.visits, node.value) for node in (root, left, deep, right)]
    assert told == [(3, pytest.approx(1.5 / 3)), (2, pytest.approx(0.7)), (1, 1.0), (1, 0.1)]


def test_nodes_that_ended_or_have_no_value_are_closed_when_backed_up(root: Node) -> None:
    ended, unknown, going = below(root, "A", value=0.5), below(root, "B"), below(root, "C", value=0.25)
    ended.end(Stop.LENGTH, "long")
    back_up_all([ended, unknown, going])
    assert [node.closed for node in (ended, unknown, going, root)] == [True, True, False, False]
    assert [node.visits for node in (root, ended, unknown, going)] == [2, 1, 0, 1]


def test_a_node_closes_its_ancestors_up_to_the_first_with_an_open_child(root: Node) -> None:
    left, right = below(root, "A"), below(root, "B")
    first, second = below(left, "C"), below(left, "D")
    first.close()
    assert [node.closed for node in (first, left, root)] == [True, False, False]
    second.close()
    assert [node.closed for node in (second, left, root)] == [True, True, False]
    right.close()
    assert root.closed


def test_a_node_that_closes_itself_leaves_its_children(root: Node) -> None:
    child = below(root, "A")
    root.close()
    assert (root.closed, child.closed) == (True, False)


def test_steps_and_lineage(root: Node) -> None:
    child = below(root, "A ")
    both = Node(child.trajectory.grow("B ", 0).grow("C", 0), child)
    assert (root.steps, child.text, both.text) == ((), "A ", "B C")
    assert list(both.lineage()) == [both, child, root]


def test_the_value_is_on_the_last_of_a_nodes_steps_and_the_visits_on_each(root: Node) -> None:
    child = below(root, "A")
    both = Node(child.trajectory.grow("B", 0).grow("C", 0), child, value=0.3, visits=4)
    assert root.own_steps() == ()
    assert [(step.text, step.value, step.visits) for step in both.own_steps()] == [("B", None, 4), ("C", 0.3, 4)]
    scored = both.scored_trajectory()
    assert scored.score == 0.3
    told = [(step.text, step.value, step.visits) for step in scored.steps]
    assert told == [("A", None, None), ("B", None, 4), ("C", 0.3, 4)]
    assert root.scored_trajectory() == root.trajectory


@pytest.mark.parametrize(
    ("stop", "answer", "answered"),
    [
        (Stop.ANSWERED, "4", True),
        (Stop.CRITIC, "4", True),
        (Stop.ANSWERED, " ", False),
        (Stop.ANSWERED, None, False),
        (Stop.FAILED, "4", False),
        (None, "4", False),
    ],
)
def test_a_solution_has_ended_in_an_answer(stop: Stop | None, answer: str | None, answered: bool) -> None:
    node = Node(Trajectory(QUESTION, stop=stop, answer=answer))
    assert (node.answered, node.ended) == (answered, stop is not None)


def test_advice_is_on_the_trajectory_that_is_continued_and_only_there(root: Node) -> None:
    assert root.advised_trajectory() is root.trajectory
    root.critique = Critique(Opinion.GO_ON, advice="Mind the units.")
    assert root.advised_trajectory() == replace(root.trajectory, advice="Mind the units.")
    assert root.trajectory.advice == ""


@pytest.mark.parametrize(
    ("grade", "last", "value"),
    [
        (Grade("prm", "t", 1), False, None),
        (Grade("prm", "t", 1, value=1.0), False, 1.0),
        (Grade("prm", "t", 1, value=-0.1), False, None),
        (Grade("prm", "t", 1, value=math.nan), False, None),
        (Grade("prm", "t", 1, value=0.2, steps=(0.4, None)), True, None),
        (Grade("prm", "t", 1, value=0.2), True, 0.2),
        (Grade("likelihood", "t", 1, value=-1.0, steps=(-2.0, -3.0)), True, math.exp(-3)),
        (Grade("likelihood", "t", 1, value=0.5), False, 1.0),  # rounding may lift a logarithm above 0
        (Grade("likelihood", "t", 1, value=-math.inf), False, 0.0),
        (Grade("likelihood", "t", 1, value=math.nan), False, None),
    ],
)
def test_the_probability_that_a_grade_stands_for(grade: Grade, last: bool, value: float | None) -> None:
    assert probability(grade, last=last) == (value if value is None else pytest.approx(value))


def test_the_grade_of_an_open_trajectory_is_stored_as_that_of_its_last_step() -> None:
    opened = Trajectory(QUESTION).grow("A", 0).grow("B", 0)
    details = (Detail(p_good=0.9), Detail(p_good=0.4))
    grade = Grade("prm", opened.trajectory_id, 1, value=0.36, steps=(0.9, 0.4), details=details)
    assert recorded_grade(grade, opened) == replace(
        grade, value=0.4, steps=(), details=details[1:], step_id=opened.steps[-1].step_id
    )
    assert recorded_grade(grade, replace(opened, stop=Stop.ANSWERED)) == grade
    assert recorded_grade(grade, Trajectory(QUESTION)) == grade
    plain = Grade("orm", opened.trajectory_id, 1, value=0.7)
    assert recorded_grade(plain, opened) == replace(plain, step_id=opened.steps[-1].step_id)


def test_the_grade_of_a_value_outside_says_why_it_has_none() -> None:
    ended = Trajectory(QUESTION, stop=Stop.ANSWERED).grow("A", 0)
    grade = Grade("mine", "t", 1, value=7.0, steps=(7.0,), details=(Detail(n=3),))
    reason = "a search needs values from 0 to 1, and 'mine' gave 7"
    assert recorded_grade(grade, ended) == Grade("mine", "t", 1, reason=reason)


def test_a_new_child_that_repeats_a_sibling_or_a_step_ends(root: Node) -> None:
    first = below(root, "A\n")
    old = below(first, "B")
    again, copy, other = below(first, "B"), below(first, "\nA"), below(first, "C")
    ended = below(first, "B")
    ended.end(Stop.ANSWERED, "done")
    end_duplicates(first, [again, copy, other, ended])
    told = [(node.trajectory.stop, node.trajectory.reason) for node in first.children]
    assert first.children == [old, again, copy, other, ended]
    assert told == [
        (None, None),
        (Stop.DEAD_END, "It says the same as its sibling 0."),
        (Stop.DEAD_END, "It repeats a step."),
        (None, None),
        (Stop.ANSWERED, "done"),
    ]
