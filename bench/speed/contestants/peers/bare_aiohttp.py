"""The minimum that a client does with aiohttp: send a POST request, and parse the JSON."""

import asyncio
from typing import Any

import aiohttp
from measure import Task, measured


async def run(task: Task) -> None:
    limit = asyncio.Semaphore(task.concurrency)

    async def call(http: aiohttp.ClientSession, body: dict[str, Any]) -> None:
        async with limit, http.post(f"{task.url}/chat/completions", json=body) as response:
            await response.json()

    connector = aiohttp.TCPConnector(limit=task.concurrency)
    async with aiohttp.ClientSession(connector=connector) as http:
        places = [(problem, seed) for problem in task.problems for seed in range(task.samples)]
        await asyncio.gather(*(call(http, task.body(problem["prompt"], seed)) for problem, seed in places))


if __name__ == "__main__":
    measured(run)
