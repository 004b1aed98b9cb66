"""Numbers, times and values as pages show them."""

from datetime import datetime

import pytest

from redraft.flows.viewer.text.numbers import FILTERS


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("share", 0.4123, "41.2%"),
        ("share", None, "–"),
        ("whole", 12345, "12,345"),
        ("whole", None, "–"),
        ("number", 0.000012, "1.2e-05"),
        ("number", 30_644.2, "30,644"),
        ("number", None, "–"),
        ("dollars", 1234.5, "$1,234.50"),
        ("dollars", 0.00013, "$0.00013"),
        ("dollars", 0.0, "$0.00"),
        ("dollars", None, "–"),
        ("moment", datetime(2026, 11, 30, 21, 8, 59), "2026-11-30 21:08"),
        ("moment", None, "–"),
        ("seconds", 0.42, "0.42 s"),
        ("seconds", 12.2, "12 s"),
        ("seconds", 185, "3 min 5 s"),
        ("seconds", 7800, "2 h 10 min"),
        ("seconds", None, "–"),
        ("verdict", True, "right"),
        ("verdict", False, "wrong"),
        ("verdict", None, "undecided"),
        ("shade", 0.0, "s0"),
        ("shade", 1.0, "s10"),
        ("shade", 0.44, "s4"),
        ("shade", None, "s"),
        ("shade", float("nan"), "s"),
        ("shade", -3.0, "s0"),
        ("shade", 3.0, "s10"),
        ("line", "a\n  b", "a b"),
        ("line", None, ""),
    ],
)
def test_a_value_is_shown(name: str, value: object, shown: str) -> None:
    assert FILTERS[name](value) == shown


def test_a_long_line_ends_with_dots() -> None:
    assert FILTERS["line"]("word " * 100, 20) == "word word word word…"
    assert len(FILTERS["line"]("x" * 10_000)) == 160
