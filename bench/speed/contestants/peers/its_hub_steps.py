"""its_hub's searches over steps with its own client. Nothing is stored. All problems run concurrently."""

# pyright: reportMissingImports=false

import asyncio
from typing import Any

from hashed import hashed
from its_hub import OpenAICompatibleLanguageModel, StepGeneration
from its_hub.api import AbstractProcessRewardModel
from measure import Task

STEPS = StepGeneration(max_steps=40, step_token="\n\n", stop_token="boxed{")


class Hashed(AbstractProcessRewardModel):
    """A grader that takes no time."""

    def score(self, prompt_or_messages: Any, steps: list[str]) -> list[float]:
        return [hashed(text) for text in steps]

    async def ascore(self, prompt_or_messages: Any, steps: list[str]) -> list[float]:
        return self.score(prompt_or_messages, steps)


async def gathered(task: Task, agent: Any) -> None:
    async with OpenAICompatibleLanguageModel(
        task.url, "none", "mock", temperature=1.0, max_completion_tokens=1024
    ) as model:
        await asyncio.gather(
            *(agent.ainfer(model, problem["prompt"], budget=task.samples) for problem in task.problems)
        )
