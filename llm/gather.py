"""Runs jobs concurrently. If one fails, the others are ended before its error is raised."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def gather(jobs: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Returns the results of the jobs in order. If a job raises, the others are cancelled and awaited before its error
    is raised."""
    all_jobs = list(jobs)
    if len(all_jobs) < 2:  # most lists have one job, and a task costs as much as the call
        return [await job for job in all_jobs]
    tasks = [asyncio.create_task(job) for job in all_jobs]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
