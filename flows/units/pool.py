"""Many coroutines, a few at a time."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def for_each(items: AsyncIterable[T], work: Callable[[T], Awaitable[None]], window: int) -> None:
    """Does `work` on every item, at most `window` at once; an item is taken when there is room for it.

    The first exception cancels the other work, and is raised when all of it has ended.
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
