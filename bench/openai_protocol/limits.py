"""Requests and tokens a minute: what a provider lets through."""

import math
import time
from collections import deque
from collections.abc import Callable


class Window:
    """Lets `limit()` units through in any `seconds`; None is no limit."""

    def __init__(self, limit: Callable[[], int | None], seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._taken: deque[tuple[float, int]] = deque()
        self._sum = 0

    def wait(self, units: int) -> float:
        """Seconds until so many units would fit, 0 where they do. More than the limit never fit."""
        now = time.monotonic()
        while self._taken and self._taken[0][0] <= now - self._seconds:
            self._sum -= self._taken.popleft()[1]
        limit = self._limit()
        if limit is None or self._sum + units <= limit:
            return 0.0
        over = self._sum + units - limit
        for at, taken in self._taken:
            over -= taken
            if over <= 0:
                return at + self._seconds - now
        return self._seconds

    def take(self, units: int) -> None:
        """Count these units from now on."""
        if self._limit() is None:
            return
        self._taken.append((time.monotonic(), units))
        self._sum += units


def retry_after(seconds: float) -> str:
    """Seconds as the header has them: whole ones from one second on."""
    return str(math.ceil(seconds)) if seconds > 1 else f"{seconds:.3f}"
