"""Rate limits of a provider: requests and tokens per minute."""

import math
import time
from collections import deque
from collections.abc import Callable


class Window:
    """A sliding window that allows `limit()` units in any `seconds`. A limit of None means no limit."""

    def __init__(self, limit: Callable[[], int | None], seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._taken: deque[tuple[float, int]] = deque()
        self._sum = 0

    def wait(self, units: int) -> float:
        """Returns the seconds until this number of units would be allowed, or 0 if they are allowed now. More units
        than the limit are never allowed."""
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
        """Counts these units from now on."""
        if self._limit() is None:
            return
        self._taken.append((time.monotonic(), units))
        self._sum += units


def retry_after(seconds: float) -> str:
    """Returns seconds as the text of a Retry-After header: integers from one second on."""
    return str(math.ceil(seconds)) if seconds > 1 else f"{seconds:.3f}"
