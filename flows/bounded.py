"""Many coroutines, a few at a time."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def each(items: AsyncIterable[T], work: Callable[[T], Awaitable[None]], window: int) -> None:
    """Does `work` on every item, at most `window` at once; an item is taken only when there is room for it.

    The first exception cancels what is under way and is raised, when all of that has ended.
    """
    running: set[asyncio.Task[None]] = set()

    async def do(item: T) -> None:
        await work(item)

    try:
        async for item in items:
            while len(running) >= window:
                running = await _settled(running)
            running.add(asyncio.create_task(do(item)))
        while running:
            running = await _settled(running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _settled(running: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """Those still running once one of them has ended. Raises what one of them raised."""
    done, rest = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    return rest
