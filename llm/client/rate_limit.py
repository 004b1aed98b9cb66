"""A limit by the minute, as providers set them."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass

GLANCE_S = 1.0  # how often those who wait look whether a correction made room


@dataclass(slots=True, eq=False)
class Grant:
    """What was let through: when, how much, and whether it still counts."""

    at: float
    units: float
    counts: bool = True


class RateLimit:
    """At most `most` units in any `seconds` that follow one another. Those who wait are let in in their order."""

    def __init__(self, most: float, seconds: float = 60.0) -> None:
        self._most = most
        self._seconds = seconds
        self._taken: deque[Grant] = deque()  # oldest first
        self._sum = 0.0
        self._turn = asyncio.Lock()

    async def take(self, units: float = 1.0) -> Grant:
        """Waits until there is room for so many. More than the limit itself waits until it is alone."""
        async with self._turn:
            self._forget()
            while self._taken and self._sum + units > self._most:
                left = self._taken[0].at + self._seconds - time.monotonic()
                await asyncio.sleep(min(GLANCE_S, max(0.0, left)))
                self._forget()
            taken = Grant(time.monotonic(), units)
            self._taken.append(taken)
            self._sum += units
            return taken

    def correct(self, taken: Grant, units: float) -> None:
        """What was taken turned out to be so many."""
        if taken.counts:
            self._sum += units - taken.units
        taken.units = units

    def _forget(self) -> None:
        now = time.monotonic()
        while self._taken and self._taken[0].at + self._seconds <= now:
            old = self._taken.popleft()
            old.counts = False
            self._sum -= old.units
