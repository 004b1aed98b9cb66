"""redraft's correction with a server's address: one trajectory per problem, with as many drafts as there are
samples."""

from measure import Task, measured

from redraft.flows.generate import generate
from redraft.store.problems import Problem


async def run(task: Task) -> None:
    problems = [Problem(row["question"], row["answer"], source="bench") for row in task.problems]
    summary = await generate(
        problems,
        db=task.folder / "store.duckdb",
        model="mock",
        api_base=task.url,
        strategy="correct",
        arguments={"feedback": "fixed", "turns": task.samples},
        samples=1,
        concurrency=task.concurrency,
    )
    assert (summary.trajectories, summary.failed) == (len(problems), 0), summary


if __name__ == "__main__":
    measured(run)
