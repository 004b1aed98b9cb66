"""Each aggregation against its definition, in exact fractions, and what is no probability."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.graders.rewards.aggregate import How, aggregate, graded, log_aggregate, positive
from redraft.store.problems import Question
from redraft.store.trajectory import Detail, Grade, Trajectory

EMPTY = Grade("prm", "u1:0", 1)


def draft(*texts: str) -> Trajectory:
    path = Trajectory(Question("p1", "How many?", unit="u1"))
    for text in texts:
        path = path.grow(text, 0)
    return path


def exactly(values: list[Fraction], how: How) -> Fraction:
    """The definition, without floating point."""
    match how:
        case "product":
            return math.prod(values, start=Fraction(1))
        case "minimum":
            return min(values)
        case "last":
            return values[-1]
        case "mean":
            return sum(values, Fraction(0)) / len(values)


@given(
    st.lists(st.integers(0, 64).map(lambda n: Fraction(n, 64)), min_size=1, max_size=12),
    st.sampled_from(["product", "minimum", "last", "mean"]),
)
@settings(max_examples=150, deadline=None)
def test_each_aggregation_is_its_definition(values: list[Fraction], how: How) -> None:
    assert aggregate([float(value) for value in values], how) == pytest.approx(float(exactly(values, how)), rel=1e-12)


@pytest.mark.parametrize(
    ("neutral", "how", "value"),
    [
        ("positive", "product", 0.9 * 0.5),
        ("negative", "product", 0.7 * 0.3),
        ("positive", "minimum", 0.5),
        ("negative", "minimum", 0.3),
        ("positive", "last", 0.5),
        ("negative", "last", 0.3),
        ("positive", "mean", 0.7),
        ("negative", "mean", 0.5),
    ],
)
def test_neutral_counts_as_good_or_as_bad(neutral, how, value) -> None:
    details = [Detail(0.7, 0.2, 0.1), Detail(0.3, 0.2, 0.5)]
    grade = graded(EMPTY, draft("One.", "Two."), details, how=how, neutral=neutral)
    assert grade.value == pytest.approx(value)
    assert grade.steps == tuple(positive(detail, neutral) for detail in details)
    assert grade.details == tuple(details)


def test_a_long_product_does_not_vanish_as_a_logarithm() -> None:
    logs = [math.log(0.5)] * 2000
    assert log_aggregate(logs) == pytest.approx(2000 * math.log(0.5))
    steps, details = draft(*["Step."] * 2000), [Detail(0.5)] * 2000
    assert graded(EMPTY, steps, details).value == 0.0
    assert graded(EMPTY, steps, details, log=True).value == pytest.approx(2000 * math.log(0.5))
    assert log_aggregate([-math.inf, 0.0], "mean") == pytest.approx(math.log(0.5))
    assert log_aggregate([-math.inf], "mean") == -math.inf


def test_what_is_no_probability_is_no_value() -> None:
    path = draft("One.", "Two.")
    assert graded(EMPTY, path, [Detail(0.5)]).reason == "1 value for 2 steps"
    for bad in (math.nan, 1.5, -0.1, math.inf):
        grade = graded(EMPTY, path, [Detail(0.5), Detail(bad)])
        assert (grade.value, grade.steps) == (None, ())
        assert grade.reason == f"the value {bad} of step 2 is no probability"
    for values in ([], [math.nan], [1.1]):
        with pytest.raises(ValueError):  # noqa: PT011 - three texts
            aggregate(values)


def test_a_step_without_text_has_the_value_before_it_and_counts_once() -> None:
    path = draft("\n", "One.", "", "Two.", "")
    grade = graded(EMPTY, path, [Detail(0.5), Detail(0.25)], how="product")
    assert grade.value == pytest.approx(0.125)
    assert grade.details == (Detail(), Detail(0.5), Detail(0.5), Detail(0.25), Detail(0.25))
    assert grade.steps == (None, 0.5, 0.5, 0.25, 0.25)
