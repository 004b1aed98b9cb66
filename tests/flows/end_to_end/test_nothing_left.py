"""A command that fails before anything was collected leaves no database and no journal where there was none."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.evaluate import evaluate
from redraft.flows.generate import generate
from redraft.flows.importing import importing
from redraft.llm.client.budget import BudgetTooSmall
from redraft.llm.limits import Budget, Limits
from redraft.llm.model import ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import RedraftError

Sums = Callable[..., list[Problem]]
Commands = Callable[[Sequence[str], Mapping[str, str]], Awaitable[tuple[int, str, str]]]

DEAD = "http://127.0.0.1:9/v1"
FAILING = [
    ("generate", "nowhere.jsonl"),
    ("generate", "--limit", "1", "--strategy", "none_such"),
    ("generate", "--limit", "1", "--set", "none_such=1"),
    ("generate", "--limit", "1", "--model", "embedded", "--batch"),
    ("evaluate", "--limit", "1", "--strategy", "none_such"),
    ("evaluate", "nowhere.jsonl"),
    ("solve", "What is 1 + 1?", "--strategy", "none_such"),
    ("import", "nowhere.jsonl", "--format", "chats"),
    ("import", "rows.jsonl", "--format", "prm800k"),
    ("annotate",),
    ("filter",),
    ("export", "out.jsonl"),
    ("label", "--from", "rows.jsonl", "--by", "ann"),
    ("query", "FROM runs"),
    ("tree",),
]


@pytest.mark.parametrize("db", ["", "new/"])
async def test_a_command_that_fails_leaves_nothing(tmp_path: Path, commands: Commands, db: str) -> None:
    """Neither a file nor a folder."""
    (tmp_path / "rows.jsonl").write_text('{"nothing": "of it"}\n')
    for command in FAILING:
        code, out, err = await commands(command, {"REDRAFT_DB": db})
        assert (code, out, len(err.strip().splitlines())) == (2, "", 1), (command, out, err)
        assert [file.name for file in tmp_path.iterdir()] == ["rows.jsonl"], command


@pytest.mark.parametrize("db", ["redraft.duckdb", "new/"])
@pytest.mark.parametrize("budget", [{"calls": 0}, {"tokens": 1, "seconds": 60.0}])
@pytest.mark.parametrize("workers", [1, 2])
async def test_a_budget_that_suffices_for_nothing_leaves_nothing(
    tmp_path: Path, openai_server: Any, db: str, budget: dict[str, Any], workers: int
) -> None:
    with pytest.raises(BudgetTooSmall, match="is too small for one call"):
        await generate(
            "builtin", db=f"{tmp_path}/{db}", model="tiny", api_base=openai_server.url, strategy="greedy", limit=4,
            budget=Budget(**budget), workers=workers,
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def failing(after: int) -> Scripted:
    """A model that cannot be used any more after so many answers."""
    asked = 0

    def script(request: Request, index: int) -> str:
        nonlocal asked
        asked += 1
        if asked > after:
            raise ModelError("The key is wrong.", fatal=True)
        return "The answer is 2."

    return Scripted(script, name="failing")


async def fails(tmp_path: Path, sums: Sums, after: int) -> None:
    with pytest.raises(ModelError, match="The key is wrong"):
        await generate(
            sums(4), db=tmp_path / "redraft.duckdb", model=failing(after), strategy="greedy", concurrency=1, samples=1
        )


async def test_a_model_that_never_answered_leaves_nothing(tmp_path: Path, sums: Sums) -> None:
    """Though the run has begun, and its failed calls were written down."""
    await fails(tmp_path, sums, after=0)
    with pytest.raises(ModelError, match="The key is wrong"):
        await evaluate(sums(1), db=tmp_path / "redraft.duckdb", models=[failing(0)], strategies=["greedy"])
    assert list(tmp_path.iterdir()) == []


async def test_a_server_that_never_answers_leaves_nothing(tmp_path: Path, sums: Sums) -> None:
    quick = {"limits": Limits(wait_s=0.01), "strategy": "greedy", "samples": 1}
    with pytest.raises(ModelError, match="Nobody answers at"):
        await generate(sums(4), db=tmp_path / "redraft.duckdb", model="tiny", api_base=DEAD, **quick)
    assert list(tmp_path.iterdir()) == []


async def test_a_run_that_is_stopped_before_the_first_answer_leaves_nothing(tmp_path: Path, sums: Sums) -> None:
    asked = asyncio.Event()

    class Mute(Scripted):
        async def complete(self, request: Request) -> Any:
            asked.set()
            await asyncio.Event().wait()

    model = Mute(lambda request, index: "")
    run = asyncio.create_task(generate(sums(1), db=tmp_path / "redraft.duckdb", model=model, strategy="greedy"))
    await asked.wait()
    there = {f"redraft.duckdb{ending}" for ending in ("", ".journal", ".leases")}
    assert {file.name for file in tmp_path.iterdir()} == there
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert list(tmp_path.iterdir()) == []


async def test_what_was_collected_stays(tmp_path: Path, sums: Sums) -> None:
    await fails(tmp_path, sums, after=1)
    assert (tmp_path / "redraft.duckdb").exists()
    summary = await generate(sums(4), db=tmp_path / "redraft.duckdb", model=failing(3), strategy="greedy", samples=1)
    assert summary.trajectories == 4
    calls = Store(tmp_path / "redraft.duckdb").query("SELECT error IS NULL AS answered, count(*) FROM calls GROUP BY 1")
    assert sorted(calls.rows) == [(False, 1), (True, 4)]


async def test_a_store_that_was_there_stays(tmp_path: Path, sums: Sums) -> None:
    Store(tmp_path / "redraft.duckdb").close()
    await fails(tmp_path, sums, after=0)
    assert Store(tmp_path / "redraft.duckdb").query("SELECT status FROM runs").rows == [("failed",)]


async def test_a_store_that_another_run_uses_meanwhile_stays(tmp_path: Path, sums: Sums) -> None:
    other: list[str] = []

    def script(request: Request, index: int) -> str:
        other.append(Store(tmp_path / "redraft.duckdb").start_run("generate", "r", "s", "m", {}))
        raise ModelError("The key is wrong.", fatal=True)

    with pytest.raises(ModelError):
        await generate(sums(1), db=tmp_path / "redraft.duckdb", model=Scripted(script), strategy="greedy", samples=1)
    runs = Store(tmp_path / "redraft.duckdb").query("SELECT run_id FROM runs").rows
    assert (other[0],) in runs


async def test_rows_before_a_bad_one_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["redraft.flows.importing"], "BATCH", 1)
    row: dict[str, Any] = {
        "messages": [{"role": "user", "content": "What is 1 + 1?"}, {"role": "assistant", "content": "2"}]
    }
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(row) + "\n[]\n")
    with pytest.raises(RedraftError):
        await importing(file, format="chats", db=tmp_path / "redraft.duckdb")
    assert Store(tmp_path / "redraft.duckdb").query("SELECT count(*) FROM trajectories").rows == [(1,)]
