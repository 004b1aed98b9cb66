"""A limit on the calls in flight that adapts to the load that the provider can take."""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import Self

FIRST = 32  # calls in flight at the start
GROWTH = 4.0  # calls by which the limit grows in the time of one call, after the first halving
TOLERANCE = 3.0  # the limit does not grow if the latency is above this multiple of the smallest latency
WEIGHT = 0.1  # the weight of the newest latency in the running mean


class ConcurrencyLimit:
    """Allows at most `most` calls in flight. If `adaptive` is true, the limit starts lower and doubles in the time of
    one call. When the provider refuses a call, the limit halves; after the first refusal it only grows by a few calls
    in the time of one call, as in TCP. The limit does not grow while the latency is far above the smallest latency so
    far. `share` returns the fraction of the limit that this process may use, if several processes share it."""

    def __init__(self, most: int, adaptive: bool = True, share: Callable[[], float] = lambda: 1.0) -> None:
        self._most, self._share = most, share
        self._size = float(min(most, FIRST) if adaptive else most)
        self._adaptive = adaptive
        self._cut = False  # whether the limit was ever halved
        self._cuts = 0
        self._mean_s = self._least_s = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.used = 0

    @property
    def size(self) -> int:
        """Returns the number of calls that may be in flight now, at least 1."""
        return min(int(self._size), max(1, math.ceil(self._most * self._share())))

    @property
    def epoch(self) -> int:
        """Returns how often the limit was halved. A refusal of a call from an earlier epoch says nothing about the
        present limit."""
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
                self._leave()  # the waiting call was cancelled just as it was admitted
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def record_answer(self, latency_s: float) -> None:
        """Reports that a call was answered after `latency_s` seconds."""
        if not self._adaptive:
            return
        self._mean_s += WEIGHT * (latency_s - self._mean_s) if self._mean_s else latency_s
        self._least_s = min(self._least_s or self._mean_s, self._mean_s)
        busy = self.used + len(self._waiting) >= self.size
        if busy and self._size < self._most and self._mean_s <= TOLERANCE * self._least_s:
            self._size = min(self._most, self._size + (GROWTH / self._size if self._cut else 1.0))
            self._admit()

    def record_refusal(self, epoch: int) -> None:
        """Reports that the provider refused a call that began in `epoch`. Only the first refusal in an epoch halves the
        limit."""
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
