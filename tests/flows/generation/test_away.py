"""A provider that goes away and comes back, and those that no waiting helps with, by one line each."""

import asyncio
import json
import socket
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.flows.display.progress import Silent
from redraft.flows.generate import generate
from redraft.llm.limits import Limits
from redraft.llm.model import ModelError
from redraft.store import Store
from redraft.store.problems import Problem
from redraft.store.unit import Unit

KEY = "sk-proj-0123456789abcdefghij"
AWAY_S = 5.0


class Notes(Silent):
    """What is said, and how many problems are done."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.units = 0
        self.begun = asyncio.Event()  # ten problems are done

    def say(self, text: str) -> None:
        self.told.append(text)

    def unit(self, problem: Problem, unit: Unit) -> None:
        self.units += 1
        if self.units == 10:
            self.begun.set()


async def test_a_run_waits_for_a_provider_and_goes_on_by_itself(openai_server: Any, tmp_path: Path) -> None:
    server, notes = openai_server, Notes()
    server.write, server.latency_ms = None, 50.0
    db, job = tmp_path / "redraft.duckdb", {"strategy": "best_of_n", "samples": 2, "limit": 60, "concurrency": 4}
    run = asyncio.create_task(
        generate("builtin", db=db, model="tiny", api_base=server.url, progress=notes, limits=Limits(wait_s=0.01), **job)
    )
    await asyncio.wait_for(notes.begun.wait(), 60)
    asked = len(server.requests)
    await server.down(AWAY_S)
    summary = await run

    assert (summary.failed, summary.trajectories, notes.units) == (0, 120, 60)
    away, back = notes.told
    assert away.startswith(f"waiting for tiny: Nobody answers at {server.url} (")
    assert back == "tiny answers again"
    given = [entry.body["seed"] for entry in server.record.entries if entry.status == 200]
    assert len(set(given)) == 60
    assert len(given) <= 64  # an answer may be on its way when the line is cut, and is then asked for again
    with Store(db) as store:
        assert store.query("SELECT count(*), count(DISTINCT call_id) FROM calls WHERE error IS NULL").rows == [(60, 60)]
    assert len(server.requests) <= 64  # what was in flight when it went is asked again, and nothing else
    assert asked < 60


@pytest.mark.parametrize("model", ["tiny", "openai/tiny"])
async def test_a_key_that_is_withdrawn_ends_the_run_and_what_there_is_stays(
    model: str, openai_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    server, notes, db = openai_server, Notes(), tmp_path / "redraft.duckdb"
    server.write, server.key, server.latency_ms = None, KEY, 20.0
    job: dict[str, Any] = {"model": model} | ({} if "/" in model else {"api_base": server.url})
    job |= {"strategy": "best_of_n", "samples": 2, "limit": 40, "concurrency": 4, "db": db}
    run = asyncio.create_task(generate("builtin", progress=notes, **job))
    await asyncio.wait_for(notes.begun.wait(), 60)
    server.key = "another"
    with pytest.raises(ModelError, match="refuses the key") as told:
        await run
    assert told.value.fatal
    with Store(db) as store:
        [(status, facts)] = store.query("SELECT status, facts FROM runs").rows
        [(kept, drafts)] = store.query("SELECT count(DISTINCT problem_id), count(*) FROM trajectories").rows
    assert (status, json.loads(facts)) == ("failed", {"reason": str(told.value)})
    assert drafts == 2 * kept
    assert kept >= notes.units >= 10

    server.key = KEY
    answered = sum(entry.status == 200 for entry in server.record.entries)
    summary = await generate("builtin", **job)
    assert (summary.failed, summary.trajectories) == (0, 80)
    assert sum(entry.status == 200 for entry in server.record.entries) == 40
    assert kept <= answered <= 40


@pytest.mark.parametrize("model", ["tiny", "openai/tiny"])
async def test_what_no_waiting_helps_with_is_told_in_one_line(
    model: str, openai_server: Any, openai_protocol: ModuleType, tmp_path: Path, commands: Any
) -> None:
    direct = "/" not in model
    key = "REDRAFT_API_KEY, or OPENAI_API_KEY," if direct else "OPENAI_API_KEY"
    for cause, cure in CURES.items():
        env = {
            "OPENAI_API_KEY": "" if cause == "no key" else KEY,
            "OPENAI_BASE_URL": "" if direct else openai_server.url,
        }
        place = openai_server.url if direct else "openai"
        openai_server.key = {"no key": KEY, "wrong key": "another"}.get(cause)
        openai_server.models = {"another"} if cause == "no model" else None
        openai_server.faults = [openai_protocol.Fault(*NO_MONEY[cause])] * 99 if cause in NO_MONEY else []
        if cause == "nobody":
            nobody = _nobody()
            env, place = env | {"OPENAI_BASE_URL": nobody}, nobody if direct else "openai"
        db = tmp_path / f"{cause}.duckdb"
        Store(db).close()  # a store that the run had to make would be gone with it
        job = ["generate", "--model", model, "--db", str(db), "--limit", "10", "--strategy", "best_of_n"]

        code, out, err = await commands([*job, *(["--api-base", place] if direct else [])], env)

        assert (code, out) == (2, ""), (cause, out, err)
        begun, line = err.splitlines()
        assert begun.startswith("10 problems: best_of_n on ")
        assert line.startswith("redraft: ")
        assert place in line
        assert cure.format(key=key) in line, cause
        assert KEY[:16] not in line
        with Store(db) as store:
            [(status, facts)] = store.query("SELECT status, facts FROM runs").rows
        assert status == "failed"
        assert line.startswith(f"redraft: {json.loads(facts)['reason']}")  # and then where a wrong name is from


def _nobody() -> str:
    """The address of a port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


CURES = {
    "nobody": "Check that it is up, and its address: --api-base",
    "no key": "Set {key} to a valid key.",
    "wrong key": "Set {key} to a valid key.",
    "no model": "Check --model and --api-base.",
    "nothing left": "Top it up.",
    "quota": "Top it up.",
}
NO_MONEY: dict[str, tuple[int, Any]] = {
    "nothing left": (402, {"error": {"message": "Payment required"}}),
    "quota": (429, {"error": {
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "type": "insufficient_quota", "param": None, "code": "insufficient_quota",
    }}),
}  # fmt: skip
