"""Several jobs at once, none of which outlives the others' failure."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def gather(jobs: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results, in order. Where one raises, the others are cancelled and have ended before its error goes on."""
    all_jobs = list(jobs)
    if len(all_jobs) < 2:  # in this very task: most calls are alone, and a task costs as much as what is in it
        return [await job for job in all_jobs]
    tasks = [asyncio.create_task(job) for job in all_jobs]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
