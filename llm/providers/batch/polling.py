"""Polls a provider about batches, with increasing pauses while the provider is busy or down."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from redraft.llm.model import Cause, ModelError

PATIENCE_S = 6 * 3600.0  # seconds that a provider may be down
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Poller:
    """`say` is called with a message when the provider is busy or down. Pauses increase from `pause_s` to
    `longest_pause_s` seconds, unless the provider asks for a longer pause."""

    provider: str
    say: Callable[[str], None]
    pause_s: float
    longest_pause_s: float

    async def __call__(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Returns the result of `ask`, which is called again while the provider is busy or down. Raises the ModelError
        of `ask` if another try cannot help."""
        begun, pause_s = time.monotonic(), self.pause_s
        while True:
            try:
                return await ask()
            except ModelError as error:
                if error.fatal or error.cause is Cause.REQUEST or time.monotonic() - begun > PATIENCE_S:
                    raise
                if pause_s == self.pause_s:
                    self.say(f"{error} Waiting for {self.provider}.")
                await asyncio.sleep(max(pause_s, error.wait_s or 0.0))
                pause_s = min(self.longest_pause_s, pause_s * 1.5)
