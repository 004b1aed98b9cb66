"""Runs the work of a command. The first Ctrl-C stops the work in order, and a second Ctrl-C ends the program at
once."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
TELLING_S = 0.2
GRACE_S = 1.8  # seconds for storing finished work, which the journal also has
STOPPED = 130  # the exit code of a stopped program


class Stopped(KeyboardInterrupt):
    """Raised if the work was stopped after a message to the user was printed."""


def _write(text: str) -> None:
    sys.stderr.write(f"redraft: {text}\n")
    sys.stderr.flush()


def run(work: Coroutine[Any, Any, T], say: Callable[[str], None] = _write) -> T:
    """Runs the work and returns its result. The first SIGINT or SIGTERM cancels the work. The program then ends when
    the work has cleaned up, or after GRACE_S seconds at the latest. Another signal ends the program at once. `say`
    gets the message that the work is stopping. Call this function in the main thread.

    Raises Stopped if the work was stopped.
    """
    import asyncio  # imported late: the command line imports this file only for STOPPED

    stoppable = _Stoppable(say)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        return asyncio.run(stoppable.watch(work))
    finally:
        if not stoppable.stopping:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Stoppable:
    def __init__(self, say: Callable[[str], None]) -> None:
        self.stopping = False
        self._say, self._told = say, False
        self._loop: AbstractEventLoop | None = None
        self._task: Task[Any] | None = None

    async def watch(self, work: Coroutine[Any, Any, T]) -> T:
        import asyncio

        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        for number in SIGNALS:
            signal.signal(number, self._stop)
        try:
            return await work
        except asyncio.CancelledError:
            if self.stopping:
                raise Stopped from None
            raise

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            self._leave()
        self.stopping = True
        late = threading.Timer(GRACE_S, self._leave)
        late.daemon = True
        late.start()
        assert self._loop
        assert self._task
        self._loop.call_soon_threadsafe(self._tell)
        self._loop.call_soon_threadsafe(self._task.cancel)

    def _tell(self) -> None:
        """Prints the message. It is called by the event loop and not by the signal handler, which may interrupt the
        printing of another line."""
        self._told = True
        self._say("stopping; Ctrl-C again ends at once")

    def _leave(self) -> None:
        if not self._told:  # the loop, and perhaps standard error, is blocked
            self._told = True
            teller = threading.Thread(target=self._say, args=("stopped",), daemon=True)
            teller.start()
            teller.join(TELLING_S)
        leave()


def leave() -> None:
    """Ends the process at once with exit code 130, and shows the cursor, which a progress bar may have hidden."""
    if sys.stderr.isatty():
        sys.stderr.write("\033[?25h\n")
        sys.stderr.flush()
    os._exit(STOPPED)
