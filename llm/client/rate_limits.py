"""A limit on units (requests or tokens) by the minute, as providers set it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

GLANCE_S = 1.0  # the interval at which a waiting call checks for room


@dataclass(slots=True, eq=False)
class Grant:
    """The units that a call was granted: the time, the number, and whether they still count."""

    at: float
    units: float
    counts: bool = True


class RateLimit:
    """At most `most` units in any window of `seconds`. Calls wait in the order of their arrival. `share` returns the
    part of `most` that this process has, if several processes share it."""

    def __init__(self, most: float, seconds: float = 60.0, share: Callable[[], float] = lambda: 1.0) -> None:
        self._most, self._share = most, share
        self._seconds = seconds
        self._taken: deque[Grant] = deque()  # oldest first
        self._sum = 0.0
        self._turn = asyncio.Lock()

    async def take(self, units: float = 1.0) -> Grant:
        """Waits until there is room for `units`, and grants them. A request above the limit itself waits until no other
        grant counts."""
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
        """Sets a grant to the units that the call really used."""
        if taken.counts:
            self._sum += units - taken.units
        taken.units = units

    def _forget(self) -> None:
        now = time.monotonic()
        while self._taken and self._taken[0].at + self._seconds <= now:
            old = self._taken.popleft()
            old.counts = False
            self._sum -= old.units
