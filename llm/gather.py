"""Concurrent jobs: if one fails, the others end before its error is raised."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def gather(jobs: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Returns the results in order. If a job raises, the others are cancelled and awaited before its error is
    raised."""
    all_jobs = list(jobs)
    if len(all_jobs) < 2:  # no task: most calls come alone, and a task costs as much as the call
        return [await job for job in all_jobs]
    tasks = [asyncio.create_task(job) for job in all_jobs]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
