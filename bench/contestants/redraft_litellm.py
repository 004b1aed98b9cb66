"""redraft through LiteLLM; drafts, grades and calls are in the store at the end."""

import os

from measure import Task, measured

from redraft.flows.generate import generate
from redraft.store.records import Problem


async def run(task: Task) -> None:
    os.environ |= {"OPENAI_BASE_URL": task.url, "OPENAI_API_BASE": task.url, "OPENAI_API_KEY": "none"}
    problems = [Problem(row["question"], row["answer"], source="bench") for row in task.problems]
    summary = await generate(
        problems,
        db=task.folder / "store.duckdb",
        model="openai/mock",
        strategy="best_of_n",
        samples=task.samples,
        concurrency=task.concurrency,
    )
    assert summary.trajectories == len(problems) * task.samples, summary


if __name__ == "__main__":
    measured(run)
