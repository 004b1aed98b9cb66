"""redraft's own run, which stores drafts, grades and calls."""

from measure import Task

from redraft.flows.generate import generate
from redraft.store.problems import Problem


async def best_of_n(task: Task, model: str, api_base: str | None = None) -> None:
    problems = [Problem(row["question"], row["answer"], source="bench") for row in task.problems]
    summary = await generate(
        problems,
        db=task.folder / "store.duckdb",
        model=model,
        api_base=api_base,
        strategy="best_of_n",
        samples=task.samples,
        concurrency=task.concurrency,
    )
    assert summary.trajectories == len(problems) * task.samples, summary
