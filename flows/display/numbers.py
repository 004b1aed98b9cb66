"""Formats shares and differences as text."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # redraft.graders.statistics imports NumPy, which a progress bar does not need
    from redraft.graders.statistics import Interval


def percent(interval: "Interval") -> str:
    """Returns a share and its interval as percentages: "41.2% [25.0, 58.8]"."""
    return f"{interval.estimate:.1%} [{interval.low * 100:.1f}, {interval.high * 100:.1f}]"


def points(interval: "Interval | None") -> str:
    """Returns a difference and its interval in percentage points: "+2.5 [-8.8, 15.0]". Returns "" for None."""
    if interval is None:
        return ""
    estimate = f"{interval.estimate * 100:+z.1f}"
    return f"{'0.0' if estimate == '+0.0' else estimate} [{interval.low * 100:z.1f}, {interval.high * 100:z.1f}]"
