"""Runs of one recipe that share no problem are at work at once, in one process and in several, killed or not."""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.flows.annotate import annotate
from redraft.flows.generate import generate
from redraft.graders.grader import Grader
from redraft.llm.scripted import Scripted
from redraft.store import Grade, Problem, Store, Trajectory
from redraft.store.digest import digest

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]

JOB: dict[str, Any] = {"strategy": "best_of_n", "samples": 2}
UNITS = "SELECT count(*), count(DISTINCT unit_id), max(attempt) FROM raw.commits"


async def test_two_runs_of_one_process_take_turns_at_the_store(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    db, model, asked = tmp_path / "redraft.duckdb", adder(lambda *_: True), sums(60)
    parts = await asyncio.gather(
        *(generate(asked[start : start + 20], db=db, model=model, **JOB) for start in (0, 20, 40)),
        generate(asked[:20], db=db, model=model, replicate="again", **JOB),
    )
    assert [part.trajectories for part in parts] == [40] * 4
    assert Store(db).query(UNITS).rows == [(80, 80, 1)]
    assert [file.name for file in tmp_path.iterdir()] == ["redraft.duckdb"]


async def test_a_run_of_problems_that_another_is_at_work_on_waits_for_these_and_does_the_others(
    tmp_path: Path, sums: Sums, adder: Adder
) -> None:
    db, asked, begun, go_on = tmp_path / "redraft.duckdb", sums(6), asyncio.Event(), asyncio.Event()

    class Slow(Scripted):
        async def complete(self, request: Any) -> Any:
            begun.set()
            await go_on.wait()
            return await super().complete(request)

    quick = adder(lambda *_: True)
    slow = Slow(quick._script, name="adder")  # pyright: ignore[reportPrivateUsage]
    first = asyncio.create_task(generate(asked[:4], db=db, model=slow, **JOB))
    await begun.wait()
    second = asyncio.create_task(generate(asked[2:], db=db, model=quick, **JOB))
    while len(quick.requests) < 2:  # noqa: ASYNC110 - the two problems that are the second run's alone
        await asyncio.sleep(0.01)
    assert not second.done()
    go_on.set()
    assert [(part.problems, part.trajectories) for part in (await first, await second)] == [(4, 8), (4, 8)]
    assert len(quick.requests) == 2
    assert (await generate(asked[2:], db=db, model=quick, **JOB)).calls == 0  # all is done, so that nothing is shared
    assert Store(db).query(UNITS).rows == [(6, 6, 1)]
    assert [file.name for file in tmp_path.iterdir()] == ["redraft.duckdb"]


async def test_what_is_done_is_not_shared(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    """A run whose problems are done needs none of those that another is at work on."""
    db, model = tmp_path / "redraft.duckdb", adder(lambda *_: True)
    await generate(sums(2), db=db, model=model, **JOB)
    both = await asyncio.gather(*(generate(sums(2), db=db, model=model, **JOB) for _ in range(2)))
    assert [one.calls for one in both] == [0, 0]


async def test_an_annotation_waits_for_what_another_judges_and_judges_the_rest(
    tmp_path: Path, sums: Sums, adder: Adder
) -> None:
    db = tmp_path / "redraft.duckdb"
    await generate(sums(4), db=db, model=adder(lambda *_: True), **JOB)
    begun, go_on = asyncio.Event(), asyncio.Event()

    def lengths() -> Grader:
        async def grade(trajectories: list[Trajectory]) -> list[Grade]:
            begun.set()
            await go_on.wait()
            return [Grade("lengths", each.trajectory_id, each.turn, 0.5) for each in trajectories]

        return grade  # pyright: ignore[reportReturnType]

    def where(*numbers: int) -> str:
        these = ", ".join(f"'What is {number} + {number}?'" for number in numbers)
        return f"question IN ({these})"

    first = asyncio.create_task(annotate(db=db, grader=lengths, where=where(1, 2)))
    await begun.wait()
    second = asyncio.create_task(annotate(db=db, grader=lengths, where=where(2, 3)))
    await asyncio.sleep(0.1)
    assert not second.done()
    go_on.set()
    assert [(await task).drafts for task in (first, second)] == [4, 2]
    third = await annotate(db=db, grader=lengths, where=where(1, 2, 3, 4))
    assert (third.drafts, third.known) == (2, 6)
    once = "SELECT count(*), count(DISTINCT (trajectory_id, turn)) FROM grades WHERE grader = 'lengths'"
    assert Store(db).query(once).rows == [(8, 8)]


@pytest.fixture
async def server(openai_protocol: ModuleType, tmp_path: Path) -> AsyncIterator[Any]:
    """Answers nothing before two runs are at work, or have left their journals."""

    async def write(messages: list[dict[str, Any]], seed: int, index: int) -> str:
        while len(journals(tmp_path / "redraft.duckdb")) < 2 and len(running.requests) < 40:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.03)
        return f"Draft {len(messages) // 2 + 1} of {digest(messages, seed)}.\n\n#### 7"

    running = await openai_protocol.OpenAIServer(write).start()
    yield running
    await running.stop()


async def test_two_are_killed_and_one_is_started_again_with_other_problems(server: Any, tmp_path: Path) -> None:
    """40 problems each, both killed; 60 of both, killed too; then the last 40. Nothing that was answered is asked
    again, and nothing is lost."""
    db, kept = tmp_path / "redraft.duckdb", set[int]()

    async def killed(*parts: str) -> None:
        asked = len(server.requests)
        runs = [await start(db, server.url, part) for part in parts]
        while len(server.requests) < asked + 40 * len(parts):
            assert all(run.returncode is None for run in runs)
            await asyncio.sleep(0.01)
        for run in runs:
            run.send_signal(signal.SIGKILL)
            await run.wait()
        assert {request["seed"] for request in server.requests[asked:]}.isdisjoint(kept)
        kept.update(answered(db))

    await killed("0-40", "40-80")
    assert len(journals(db)) == 2
    await killed("0-60")
    asked = len(server.requests)
    assert await (await start(db, server.url, "40-80")).wait() == 0
    assert Store(db).query("SELECT count(*) FROM raw.commits WHERE status = 'done'").rows[0][0] >= 40
    assert await (await start(db, server.url, "0-60")).wait() == 0
    assert {request["seed"] for request in server.requests[asked:]}.isdisjoint(kept)
    assert Store(db).query(UNITS).rows == [(80, 80, 1)]
    assert Store(db).query("SELECT count(*), count(DISTINCT call_id) FROM calls").rows == [(80 * 4, 80 * 4)]
    repeated = Counter(request["seed"] for request in server.requests)
    assert sum(repeated.values()) - len(repeated) <= 3 * 8  # those in flight at each kill
    assert [file.name for file in tmp_path.iterdir()] == ["redraft.duckdb"]


def journals(db: Path) -> list[Path]:
    return list(Path(f"{db}.journal").glob("*.jsonl"))


async def start(db: Path, url: str, problems: str) -> asyncio.subprocess.Process:
    program, arguments = Path(__file__).parents[1] / "http_run.py", json.dumps({"feedback": "fixed", "turns": 2})
    return await asyncio.create_subprocess_exec(sys.executable, program, db, url, problems, arguments)


def answered(db: Path) -> set[int]:
    """The seeds of the calls that are answered on disk: in whole lines of journals, and in the store."""
    calls = [tuple(row) for row in Store(db).query("SELECT unit_id, purpose, place, first_sample FROM calls").rows]
    for file in journals(db):
        lines = [json.loads(line) for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        found = [line["call"] for line in lines if "call" in line]
        calls += [(call["unit"], call["purpose"], call["place"], call["first"]) for call in found]
    return {int(digest(0, *place), 16) % 2**31 for place in calls}
