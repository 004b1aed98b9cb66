"""redraft through LiteLLM."""

import os

from measure import Task, measured
from stored import best_of_n


async def run(task: Task) -> None:
    os.environ |= {"OPENAI_BASE_URL": task.url, "OPENAI_API_BASE": task.url, "OPENAI_API_KEY": "none"}
    await best_of_n(task, "openai/mock")


if __name__ == "__main__":
    measured(run)
