"""its_hub's best of n with its own client. The last draft in alphabetical order wins, and nothing is stored.

The concurrency limit of its orchestrator waits in threads, and there are few of them, so the number of problems is
limited here.
"""

# pyright: reportMissingImports=false

import asyncio
from typing import Any

from its_hub import BestOfN, LMOrchestrator, OpenAICompatibleLanguageModel
from its_hub.api import AbstractOutcomeRewardModel
from measure import Task, measured


class Alphabet(AbstractOutcomeRewardModel):
    """A grader that takes no time."""

    def score(self, messages: Any, **kwargs: Any) -> list[float]:
        texts = [str(conversation[-1].content) for conversation in messages]
        return [float(sorted(texts).index(text)) for text in texts]

    async def ascore(self, messages: Any, orchestrator: Any = None, **kwargs: Any) -> list[float]:
        return self.score(messages)


async def run(task: Task) -> None:
    limit = asyncio.Semaphore(task.concurrency // task.samples)
    agent = BestOfN(Alphabet(), LMOrchestrator(max_concurrency=-1))

    async def solve(prompt: str) -> None:
        async with limit:
            await agent.ainfer(model, prompt, budget=task.samples)

    async with OpenAICompatibleLanguageModel(
        task.url, "none", "mock", temperature=1.0, max_completion_tokens=1024
    ) as model:
        await asyncio.gather(*(solve(problem["prompt"]) for problem in task.problems))


if __name__ == "__main__":
    measured(run)
