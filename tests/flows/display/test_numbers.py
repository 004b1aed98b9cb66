"""Counts, shares and differences as text."""

import pytest

from redraft.flows.display.numbers import percent, points
from redraft.graders.statistics import Interval
from redraft.store.errors import plural


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "problem", "0 problems"),
        (1, "problem", "1 problem"),
        (2000, "problem", "2,000 problems"),
        (1, "trajectory", "1 trajectory"),
        (1234567, "trajectory", "1,234,567 trajectories"),
    ],
)
def test_a_number_takes_its_noun_in_the_plural(number: int, noun: str, text: str) -> None:
    assert plural(number, noun) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.4117, 0.25, 0.5882), "41.2% [25.0, 58.8]"),
        (Interval(0.0, 0.0, 0.561), "0.0% [0.0, 56.1]"),
        (Interval(1.0, 0.439, 1.0), "100.0% [43.9, 100.0]"),
    ],
)
def test_a_share_has_its_interval(interval: Interval, text: str) -> None:
    assert percent(interval) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.025, -0.0875, 0.15), "+2.5 [-8.8, 15.0]"),
        (Interval(-0.1, -0.2, 0.0), "-10.0 [-20.0, 0.0]"),
        (Interval(0.0, 0.0, 0.0), "0.0 [0.0, 0.0]"),
        (Interval(-0.0001, -0.0002, 0.0004), "0.0 [0.0, 0.0]"),  # what rounds to nothing has no sign
        (None, ""),
    ],
)
def test_a_difference_has_a_sign_unless_it_is_none(interval: Interval | None, text: str) -> None:
    assert points(interval) == text
