"""A limit on requests or tokens per minute, like the limits that providers set."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

GLANCE_S = 1.0  # seconds between two checks of a waiting call


@dataclass(slots=True, eq=False)
class Grant:
    """A grant of units (requests or tokens) to a call: when it was granted, how many units it has, and whether it still
    counts."""

    at: float
    units: float
    counts: bool = True


class RateLimit:
    """Grants at most `most` units in any window of `seconds`. Calls wait in the order of their arrival. `share` returns
    the fraction of `most` that this process may use, if several processes share it."""

    def __init__(self, most: float, seconds: float = 60.0, share: Callable[[], float] = lambda: 1.0) -> None:
        self._most, self._share = most, share
        self._seconds = seconds
        self._taken: deque[Grant] = deque()  # oldest first
        self._sum = 0.0
        self._turn = asyncio.Lock()

    async def take(self, units: float = 1.0) -> Grant:
        """Waits until `units` fit into the limit, and grants them. A request for more than the whole limit waits until
        no other grant counts."""
        async with self._turn:
            self._forget()
            while self._taken and self._sum + units > self._most * self._share():
                left = self._taken[0].at + self._seconds - time.monotonic()
                await asyncio.sleep(min(GLANCE_S, max(0.0, left)))
                self._forget()
            taken = Grant(time.monotonic(), units)
            self._taken.append(taken)
            self._sum += units
            return taken

    def correct(self, taken: Grant, units: float) -> None:
        """Replaces the units of a grant by the units that the call really used."""
        if taken.counts:
            self._sum += units - taken.units
        taken.units = units

    def _forget(self) -> None:
        now = time.monotonic()
        while self._taken and self._taken[0].at + self._seconds <= now:
            old = self._taken.popleft()
            old.counts = False
            self._sum -= old.units
