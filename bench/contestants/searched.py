"""redraft's own run of a search: every step, value and call is in the store at the end."""

from collections.abc import Sequence
from typing import Any

from hashed import hashed
from measure import Task

from redraft.flows.generate import generate
from redraft.graders.grader import Grader
from redraft.llm.client import Client
from redraft.llm.model import Message
from redraft.llm.together import together
from redraft.store.records import Grade, Problem, Trajectory


async def searched(task: Task, strategy: str, **options: Any) -> None:
    problems = [Problem(row["question"], row["answer"], source="bench") for row in task.problems]
    summary = await generate(
        problems,
        db=task.folder / "store.duckdb",
        model="mock",
        api_base=task.url,
        strategy=strategy,
        concurrency=task.concurrency,
        **options,
    )
    assert summary.problems == len(problems), summary


def free() -> Grader:
    """Values without a call."""

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [_grade(path) for path in trajectories]

    return grader


def called(client: Client) -> Grader:
    """The same values, with a call of the model for each."""

    async def grade(path: Trajectory) -> Grade:
        asked = [client.ask(path.question), Message("assistant", path.text()), Message("user", "How good is it?")]
        await client.complete(path.question, "grade", path.place, asked, max_tokens=8)
        return _grade(path)

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return await together(grade(path) for path in trajectories)

    return grader


def _grade(path: Trajectory) -> Grade:
    return Grade("hashed", path.trajectory_id, path.turn, value=hashed(path.text()))
