"""The minimum that a client does with LiteLLM."""

import asyncio
import os
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else the import downloads prices

import litellm
from measure import Task, measured


async def run(task: Task) -> None:
    limit = asyncio.Semaphore(task.concurrency)

    async def call(body: dict[str, Any]) -> None:
        async with limit:
            named = {**body, "model": "openai/mock", "api_base": task.url, "api_key": "none"}
            await litellm.acompletion(**named, max_retries=0)

    places = [(problem, seed) for problem in task.problems for seed in range(task.samples)]
    await asyncio.gather(*(call(task.body(problem["prompt"], seed)) for problem, seed in places))


if __name__ == "__main__":
    litellm.suppress_debug_info = True
    measured(run)
