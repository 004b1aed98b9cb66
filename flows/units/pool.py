"""Runs many coroutines with limited concurrency."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def for_each(items: AsyncIterable[T], work: Callable[[T], Awaitable[None]], window: Callable[[], int]) -> None:
    """Calls `work` with every item, with at most `window()` concurrent calls. An item is taken only when a call can
    start.

    The first exception cancels the other calls, and is raised when all calls have ended.
    """
    running, ended, first = 0, asyncio.Event(), None

    async def do(item: T) -> None:
        nonlocal running
        try:
            await work(item)
        finally:
            running -= 1
            ended.set()

    try:
        async with asyncio.TaskGroup() as group:
            async for item in items:
                while running >= window():
                    ended.clear()
                    await ended.wait()
                running += 1
                group.create_task(do(item))
    except BaseExceptionGroup as errors:
        first = errors.exceptions[0]
    if first:
        raise first
