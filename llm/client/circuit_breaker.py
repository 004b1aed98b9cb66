"""A circuit breaker. When a provider is down, calls wait together, and one call at a time tests whether it is back.

If the provider has never answered, the run ends after a few tries.
"""

import asyncio
import time
from collections.abc import Callable

from redraft.llm.model import Cause, ModelError

IN_A_ROW = 16  # failures in a row after which the provider counts as down
FIRST_S, LONGEST_S = 1.0, 15.0  # seconds between the calls that test whether the provider is back
BEFORE_GIVING_UP = 3  # tries of a provider that has never answered


class CircuitBreaker:
    """Controls the calls to one provider. The breaker is open while the provider counts as down; then only one call at
    a time is sent, to test whether the provider is back. `say` is called with a message when the breaker opens and when
    it closes."""

    def __init__(self, name: str, patience_s: float, say: Callable[[str], None]) -> None:
        self._name = name
        self._patience_s = patience_s
        self._say = say
        self._answered = False
        self._row = 0  # failures since the last answer
        self._down_since: float | None = None
        self._pause_s = FIRST_S
        self._trial = asyncio.Lock()
        self._over: ModelError | None = None  # the error after which no call is sent any more

    async def ready(self) -> bool:
        """Waits while the provider is down. Returns True if this call tests the provider. Raises a fatal ModelError if
        the breaker has given the provider up."""
        if self._down_since is None:
            return False
        await self._trial.acquire()
        try:
            if self._over:
                raise _fatal(self._over)
            if self._down_since is None:
                self._trial.release()
                return False
            await asyncio.sleep(self._pause_s)
        except BaseException:
            self._trial.release()
            raise
        self._pause_s = min(LONGEST_S, self._pause_s * 2)
        return True

    def done(self, trial: bool) -> None:
        """Reports that a call that `ready` let through has ended, with or without an error. `trial` is what `ready`
        returned."""
        if trial:
            self._trial.release()

    def record_answer(self) -> None:
        """Reports that the provider answered, or rejected a call although it is up."""
        self._answered = True
        self._row = 0
        if self._down_since is not None:
            self._say(f"{self._name} answers again")
            self._down_since, self._pause_s = None, FIRST_S

    def record_failure(self, error: ModelError) -> None:
        """Reports a failed call. If waiting for the provider is useless, raises the call's error as a fatal error."""
        self._row += 1
        now = time.monotonic()
        if self._down_since is None:
            if error.cause is not Cause.DOWN and self._row < IN_A_ROW:
                return
            self._down_since = now
            if self._answered:
                self._say(f"waiting for {self._name}: {error}")
        useless = self._row >= BEFORE_GIVING_UP if not self._answered else now - self._down_since >= self._patience_s
        if useless:
            self._over = error
            raise _fatal(error) from None


def _fatal(error: ModelError) -> ModelError:
    return ModelError(str(error), fatal=True, cause=error.cause, usage=error.usage, kind=error.kind)
