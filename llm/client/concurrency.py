"""How many calls are in flight: as many as the provider bears, up to a limit."""

import asyncio
from collections import deque
from typing import Self

FIRST = 32  # calls in flight to begin with
GROWTH = 4.0  # calls that the window grows by in the time of one call, once it had to shrink
TOLERANCE = 3.0  # times the least latency: beyond it the window does not grow
WEIGHT = 0.1  # of the newest latency in their running mean


class ConcurrencyLimit:
    """A number of places for calls, at most `most`. An `adaptive` one starts with fewer; it doubles in the time of a
    call until the provider first says "too many", when it halves, and grows by a few calls at a time from then on, as
    TCP does. It does not grow while latency is far above the least that was seen."""

    def __init__(self, most: int, adaptive: bool = True) -> None:
        self._most = most
        self._size = float(min(most, FIRST) if adaptive else most)
        self._adaptive = adaptive
        self._cut = False  # whether it had to shrink
        self._cuts = 0
        self._mean_s = self._least_s = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.used = 0

    @property
    def size(self) -> int:
        """The calls that may be in flight now, at least 1."""
        return int(self._size)

    @property
    def epoch(self) -> int:
        """Grows with each halving: calls of an earlier epoch say nothing about the size now."""
        return self._cuts

    async def __aenter__(self) -> Self:
        if self.used < self.size and not self._waiting:
            self.used += 1
            return self
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()  # the place was given just when its taker was cancelled
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def answered(self, latency_s: float) -> None:
        """A call was answered after so long."""
        if not self._adaptive:
            return
        self._mean_s += WEIGHT * (latency_s - self._mean_s) if self._mean_s else latency_s
        self._least_s = min(self._least_s or self._mean_s, self._mean_s)
        busy = self.used + len(self._waiting) >= self.size
        if busy and self._size < self._most and self._mean_s <= TOLERANCE * self._least_s:
            self._size = min(self._most, self._size + (GROWTH / self._size if self._cut else 1.0))
            self._admit()

    def refused(self, epoch: int) -> None:
        """A call that began in `epoch` was one too many. One halving a burst: only the first of an epoch counts."""
        if self._adaptive and epoch == self._cuts:
            self._size = max(1.0, min(self._size, float(self.used)) / 2)
            self._cut = True
            self._cuts += 1

    def _leave(self) -> None:
        self.used -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self.used < self.size:
            place = self._waiting.popleft()
            if not place.done():
                self.used += 1
                place.set_result(None)
