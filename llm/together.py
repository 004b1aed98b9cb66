"""Several jobs at once, none of which outlives the others' failure."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def together(jobs: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results, in order. Where one raises, the others are cancelled and have ended before its error goes on."""
    all_jobs = list(jobs)
    if len(all_jobs) == 1:
        return [await all_jobs[0]]  # in this very task: most calls are alone, and a task costs as much as what is in it
    tasks = [asyncio.create_task(job) for job in all_jobs]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
