"""Waits in a thread, outside the event loop, for a file that another process has locked. The wait ends if the waiting
task is cancelled.

`off_loop` runs a function in a thread. If the function waits with `pause`, cancelling the task ends the wait.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from functools import partial
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Stopped(Exception):
    """Raised in the thread if the waiting task was cancelled."""


class _Stop:
    """The signal to a thread that its task was cancelled, with the functions to call then."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.actions: list[Callable[[], None]] = []

    def ask(self) -> None:
        self.asked.set()
        for action in tuple(self.actions):
            action()


_stop: ContextVar[_Stop | None] = ContextVar("stop", default=None)


async def off_loop(function: Callable[Given, Result], /, *given: Given.args, **named: Given.kwargs) -> Result:
    """Runs a function in a thread and returns its result. If the task is cancelled, `pause` raises Stopped in the
    thread, and the actions of `cut_short` are called. The task ends after the thread, so that nothing continues in the
    background."""
    import asyncio  # the command line's `query` needs no event loop

    stop, context = _Stop(), copy_context()
    context.run(_stop.set, stop)
    call = partial(function, *given, **named)
    work = asyncio.get_running_loop().run_in_executor(None, lambda: context.run(call))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stop.ask()
        await asyncio.wait([work])
        with suppress(BaseException):
            work.result()
        raise


def pause(seconds: float) -> None:
    """Sleeps for `seconds`. Raises Stopped if the task that this thread works for is cancelled."""
    stop = _stop.get()
    if stop is None:
        time.sleep(seconds)
    elif stop.asked.wait(seconds):
        raise Stopped


@contextmanager
def cut_short(action: Callable[[], None]) -> Iterator[None]:
    """Calls `action` if the task that this thread works for is cancelled inside the `with` block. Raises Stopped if the
    task is already cancelled."""
    stop = _stop.get()
    if stop is None:
        yield
        return
    stop.actions.append(action)
    try:
        pause(0)
        yield
    finally:
        stop.actions.remove(action)
