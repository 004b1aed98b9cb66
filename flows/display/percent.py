"""Shares and differences with their intervals, as people read them."""

from redraft.graders.statistics import Interval


def percent(interval: Interval) -> str:
    """Such as "41.2% [25.0, 58.8]"."""
    return f"{interval.estimate:.1%} [{interval.low * 100:.1f}, {interval.high * 100:.1f}]"


def points(interval: Interval | None) -> str:
    """A difference in percentage points, such as "+2.5 [-8.8, 15.0]"."""
    if interval is None:
        return ""
    estimate = f"{interval.estimate * 100:+z.1f}"
    return f"{'0.0' if estimate == '+0.0' else estimate} [{interval.low * 100:z.1f}, {interval.high * 100:z.1f}]"
