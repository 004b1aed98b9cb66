"""Runs many coroutines, a few at a time."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def for_each(items: AsyncIterable[T], work: Callable[[T], Awaitable[None]], window: int) -> None:
    """Calls `work` with every item, with at most `window` calls at once. An item is taken when a call can start.

    The first exception cancels the other calls, and is raised when all calls have ended.
    """
    room, first = asyncio.Semaphore(window), None

    async def do(item: T) -> None:
        try:
            await work(item)
        finally:
            room.release()

    try:
        async with asyncio.TaskGroup() as group:
            async for item in items:
                await room.acquire()
                group.create_task(do(item))
    except BaseExceptionGroup as errors:
        first = errors.exceptions[0]
    if first:
        raise first
