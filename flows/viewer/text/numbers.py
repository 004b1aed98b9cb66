"""Formats numbers, times and values for pages. Each function is a filter of the templates."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

NONE = "–"
SHADES = 10
"""The number of shades for values; shade 0 is the worst."""


def share(value: float | None) -> str:
    """Returns a share in per cent: "41.2%"."""
    return NONE if value is None else f"{value:.1%}"


def whole(value: float | None) -> str:
    """Returns an integer with separators: "12,345"."""
    return NONE if value is None else f"{value:,.0f}"


def number(value: float | None) -> str:
    """Returns a number with three significant digits, or as an integer from 1,000 on: "0.123", "1.2e-05", "30,644"."""
    return NONE if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def dollars(value: float | None) -> str:
    """Returns an amount in US dollars: "$1.25", "$0.00013"."""
    if value is None:
        return NONE
    return f"${value:,.2f}" if value >= 0.01 or not value else f"${value:.2g}"


def moment(value: datetime | None) -> str:
    """Returns a time with minutes: "2026-11-30 21:08"."""
    return NONE if value is None else f"{value:%Y-%m-%d %H:%M}"


def seconds(value: float | None) -> str:
    """Returns a duration: "0.42 s", "3 min 5 s", "2 h 10 min"."""
    if value is None:
        return NONE
    if value < 60:
        return f"{value:.2g} s" if value < 10 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def verdict(correct: bool | None) -> str:
    """Returns the word for a verdict, which is also its CSS class."""
    return {True: "right", False: "wrong", None: "undecided"}[correct]


def shade(value: float | None) -> str:
    """Returns the CSS class of a value's colour: "s0" (worst) to "s10" (best), or "s" without a value. A value outside
    [0, 1], such as a log-probability, is first mapped by the logistic function."""
    if value is None or math.isnan(value):
        return "s"
    inside = value if 0 <= value <= 1 else 0.5 * (1 + math.tanh(value / 2))
    return f"s{round(inside * SHADES)}"


def line(text: str | None, most: int = 160) -> str:
    """Returns the beginning of a text as one line."""
    short = " ".join((text or "")[: most * 4].split())
    return short if len(short) <= most else f"{short[: most - 1]}…"


FILTERS: Mapping[str, Callable[..., Any]] = {
    each.__name__: each for each in (share, whole, number, dollars, moment, seconds, verdict, shade, line)
}
