"""A run that is killed at any instant goes on where it was, and pays for nothing twice."""

import asyncio
import json
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.llm.embedded.model import embedded
from redraft.llm.model import Message, Request
from redraft.store import Store
from redraft.store.records import digest

PROBLEMS, KILLS, IN_FLIGHT = 300, 10, 8


@pytest.fixture
async def server(openai_protocol: ModuleType) -> AsyncIterator[Any]:
    """The embedded model behind OpenAI's protocol; the same request is answered at once the second time."""
    model, known = embedded(), {}

    async def write(messages: list[dict[str, Any]], seed: int, index: int) -> str:
        key = digest(messages, seed)
        if key not in known:
            said = tuple(Message(message["role"], message["content"]) for message in messages)
            reply = await model.complete(Request(said, seeds=(seed,), max_tokens=60))
            known[key] = reply.choices[0].text or "?"
        return known[key]

    running = await openai_protocol.OpenAIServer(write).start()
    yield running
    await running.stop()


async def test_ten_kills_lose_nothing_and_pay_nothing_twice(server: Any, tmp_path: Path) -> None:
    broken, rng = tmp_path / "broken.duckdb", random.Random(7)
    journalled: set[int] = set()
    for kill in range(KILLS):
        asked = len(server.requests)
        run = await _start(broken, server.url)
        more = rng.randint(20, 60) + kill
        await _until(lambda: len(server.requests) >= asked + more or run.returncode is not None)  # noqa: B023
        await asyncio.sleep(rng.uniform(0, 0.5))
        assert run.returncode is None, f"the run ended before kill {kill + 1}"
        run.send_signal(signal.SIGKILL)
        await run.wait()
        again = [request["seed"] for request in server.requests[asked:] if request["seed"] in journalled]
        assert again == []
        assert len(server.requests) > asked, "no progress since the last kill"
        journalled |= set(_journalled(broken))
    asked = len(server.requests)
    assert await (await _start(broken, server.url)).wait() == 0
    assert [request["seed"] for request in server.requests[asked:] if request["seed"] in journalled] == []
    repeated = Counter(request["seed"] for request in server.requests)
    assert sum(repeated.values()) - len(repeated) <= KILLS * IN_FLIGHT
    units = Store(broken).query("SELECT count(*), count(DISTINCT unit_id), max(attempt) FROM raw.commits").rows
    assert units == [(PROBLEMS, PROBLEMS, 1)]
    whole = tmp_path / "whole.duckdb"
    assert await (await _start(whole, server.url)).wait() == 0
    assert _tables(broken) == _tables(whole)


async def _until(met: Callable[[], bool]) -> None:
    while not met():  # noqa: ASYNC110 - another process sets it
        await asyncio.sleep(0.02)


async def _start(db: Path, url: str) -> asyncio.subprocess.Process:
    program = Path(__file__).with_name("http_run.py")
    return await asyncio.create_subprocess_exec(sys.executable, program, db, url, str(PROBLEMS))


def _journalled(db: Path) -> Iterator[int]:
    """The seeds of the calls that are answered on disk: in the journal, as its last whole line left it."""
    for file in Path(f"{db}.journal").glob("*.jsonl"):
        for line in file.read_bytes().splitlines(keepends=True):
            call = json.loads(line).get("call") if line.endswith(b"\n") else None
            if call and not call.get("error"):
                place = (call["unit"], call["purpose"], call["place"], call["first"])
                yield int(digest(0, *place), 16) % 2**31


def _tables(db: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The final tables without times and run ids."""
    store = Store(db)
    return {
        table: store.query(f"SELECT * EXCLUDE ({without}) FROM {table} ORDER BY ALL").rows
        for table, without in EXCLUDED.items()
    }


EXCLUDED = {
    "problems": "added_at",
    "steps": "run_id",
    "trajectories": "run_id",
    "turns": "unit_id",
    "grades": "run_id, graded_at",
    "calls": "run_id, latency_ms",
}
