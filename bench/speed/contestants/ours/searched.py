"""redraft's searches: a whole run that stores every step, value and call, or only the strategy."""

import asyncio
from collections.abc import Sequence
from typing import Any

from hashed import hashed
from measure import Task

from redraft.agents import build
from redraft.flows.generate import generate
from redraft.flows.units.gc_pause import rare_collections
from redraft.graders.grader import Grader
from redraft.llm.client.client import Client
from redraft.llm.gather import gather
from redraft.llm.limits import Limits
from redraft.llm.model import Message
from redraft.llm.providers.route import route
from redraft.store.problems import Problem
from redraft.store.trajectory import Grade, Trajectory


async def stored(task: Task, strategy: str, **options: Any) -> None:
    """Runs the strategy by `generate`."""
    parts = {"grader": options.pop("grader"), "critic": options.pop("critic", None)}
    summary = await generate(
        _problems(task),
        db=task.folder / "store.duckdb",
        model="mock",
        api_base=task.url,
        strategy=strategy,
        concurrency=task.concurrency,
        arguments=options,
        **parts,
    )
    assert summary.problems == len(task.problems), summary


async def gathered(task: Task, strategy: str, **options: Any) -> None:
    """Runs all problems concurrently, with results only in memory."""
    client = Client(route("mock", task.url), limits=Limits(task.concurrency))
    agent = build(strategy, client, **options)
    with rare_collections():  # as in `generate`
        solved = await asyncio.gather(*(agent(problem.ask()) for problem in _problems(task)))
    await client.close()
    assert all(any(path.chosen for path in paths) for paths in solved)


def _problems(task: Task) -> list[Problem]:
    return [Problem(row["question"], row["answer"], source="bench") for row in task.problems]


def free() -> Grader:
    """Returns a grader that calls no model."""

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [_grade(path) for path in trajectories]

    return grader


def called(client: Client) -> Grader:
    """Returns a grader with the same values that calls the model for each."""

    async def grade(path: Trajectory) -> Grade:
        asked = [client.ask(path.question), Message("assistant", path.text()), Message("user", "How good is it?")]
        await client.complete(path.question, "grade", path.place, asked, max_tokens=8)
        return _grade(path)

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return await gather(grade(path) for path in trajectories)

    return grader


def _grade(path: Trajectory) -> Grade:
    return Grade("hashed", path.trajectory_id, path.turn, value=hashed(path.text()))
