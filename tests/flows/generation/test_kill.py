"""A run that is killed at any instant goes on where it was, and pays for nothing twice."""

import asyncio
import json
import math
import os
import random
import shutil
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.llm.model import Message, Request
from redraft.llm.providers.embedded.model import embedded
from redraft.store import Store
from redraft.store.digest import digest

PROBLEMS, KILLS, IN_FLIGHT = 300, 10, 8
SPARE = 12
"""How many requests the server takes after those that a kill waits for: so a fast machine doesn't end the run first."""
STORE, EARLIER = os.environ.get("REDRAFT_TEST_STORE"), "20260101T000000-00000000"
"""A store of `bench/scale/store.py --make` that the run adds to, and the run that such a store has. Without one the
store begins empty."""
CORRECTED = {"feedback": "oracle", "turns": 2}


@pytest.fixture
async def server(openai_protocol: ModuleType) -> AsyncIterator[Any]:
    """The embedded model behind OpenAI's protocol; the same request is answered at once the second time.

    It answers its first `answers` requests; later ones wait until there are more of them."""
    model, known = embedded(), {}

    async def write(messages: list[dict[str, Any]], seed: int, index: int) -> str:
        key = digest(messages, seed)
        await _until(lambda: index < running.answers)
        if key not in known:
            said = tuple(Message(message["role"], message["content"]) for message in messages)
            reply = await model.complete(Request(said, seeds=(seed,), max_tokens=60))
            known[key] = reply.choices[0].text or "?"
        return known[key]

    running = await openai_protocol.OpenAIServer(write).start()
    running.answers = math.inf
    yield running
    await running.stop()


async def test_ten_kills_lose_nothing_and_pay_nothing_twice(server: Any, tmp_path: Path) -> None:
    broken, rng = _store(tmp_path / "broken.duckdb"), random.Random(7)
    journalled: set[int] = set()
    for kill in range(KILLS):
        asked = len(server.requests)
        more = rng.randint(15, 25) + kill
        server.answers = asked + more + SPARE
        run = await _start(broken, server.url)
        await _until(lambda: len(server.requests) >= asked + more or run.returncode is not None)  # noqa: B023
        await asyncio.sleep(rng.uniform(0, 0.5))
        assert run.returncode is None, f"the run ended before kill {kill + 1}"
        run.send_signal(signal.SIGKILL)
        await run.wait()
        again = [request["seed"] for request in server.requests[asked:] if request["seed"] in journalled]
        assert again == []
        assert len(server.requests) > asked, "no progress since the last kill"
        journalled |= set(_journalled(broken))
    asked, server.answers = len(server.requests), math.inf
    assert await (await _start(broken, server.url)).wait() == 0
    assert [request["seed"] for request in server.requests[asked:] if request["seed"] in journalled] == []
    repeated = Counter(request["seed"] for request in server.requests)
    assert sum(repeated.values()) - len(repeated) <= KILLS * IN_FLIGHT
    of_the_run = f"SELECT count(*), count(DISTINCT unit_id), max(attempt) FROM raw.commits WHERE run_id <> '{EARLIER}'"
    assert Store(broken).query(of_the_run).rows == [(PROBLEMS, PROBLEMS, 1)]
    whole = _store(tmp_path / "whole.duckdb")
    assert await (await _start(whole, server.url)).wait() == 0
    assert _tables(broken) == _tables(whole)


class Held:
    """Writes a draft for each request. While it is `held`, only `answers` requests of turn 3 or later get one."""

    def __init__(self, answers: int) -> None:
        self.held, self._left = True, answers

    async def __call__(self, messages: list[dict[str, Any]], seed: int, index: int) -> str:
        if len(messages) >= 5 and self.held:
            self._left -= 1
            if self._left < 0:
                await asyncio.Event().wait()
        return f"Draft {len(messages) // 2 + 1} of {digest(messages, seed)}.\n\n#### 7"


async def test_killed_at_turn_3_it_goes_on_at_turn_3(openai_protocol: ModuleType, tmp_path: Path) -> None:
    """Three of six trajectories have their third draft when it is killed; nothing that was answered is asked again."""
    server = await openai_protocol.OpenAIServer(Held(answers=3)).start()
    broken, whole, turns = tmp_path / "broken.duckdb", tmp_path / "whole.duckdb", {"feedback": "fixed", "turns": 5}
    run = await _start(broken, server.url, 3, turns)
    await _until(lambda: len(list(_journalled(broken))) == 6 + 6 + 3 or run.returncode is not None)
    run.send_signal(signal.SIGKILL)
    assert await run.wait() == -signal.SIGKILL
    server.write.held = False
    asked = len(server.requests)
    assert await (await _start(broken, server.url, 3, turns)).wait() == 0
    again = server.requests[asked:]
    assert Counter(len(body["messages"]) for body in again) == {5: 3, 7: 6, 9: 6}
    answered = [digest(entry.body) for entry in server.record.entries if entry.status == 200]
    assert len(answered) == len(set(answered)) == 3 * 2 * 5
    assert await (await _start(whole, server.url, 3, turns)).wait() == 0
    await server.stop()
    assert _tables(broken) == _tables(whole)


def _store(db: Path) -> Path:
    """The path of the store of a run: a copy of STORE, if it is set."""
    return Path(shutil.copy(STORE, db)) if STORE else db


async def _until(met: Callable[[], bool]) -> None:
    while not met():  # noqa: ASYNC110 - another process sets it
        await asyncio.sleep(0.02)


async def _start(
    db: Path, url: str, problems: int = PROBLEMS, arguments: Mapping[str, Any] = CORRECTED
) -> asyncio.subprocess.Process:
    program = Path(__file__).parents[1] / "http_run.py"
    told = json.dumps(arguments)
    return await asyncio.create_subprocess_exec(sys.executable, program, db, url, str(problems), told)


def _journalled(db: Path) -> Iterator[int]:
    """The seeds of the calls that are answered on disk: in the journal, as its last whole line left it."""
    for file in Path(f"{db}.journal").glob("*.jsonl"):
        for line in file.read_bytes().splitlines(keepends=True):
            call = json.loads(line).get("call") if line.endswith(b"\n") else None
            if call and not call.get("error"):
                place = (call["unit"], call["purpose"], call["place"], call["first"])
                yield int(digest(0, *place), 16) % 2**31


def _tables(db: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The final tables without times and run ids, and without what the store had before."""
    store = Store(db)
    units = f"unit_id IN (SELECT unit_id FROM raw.commits WHERE run_id = '{EARLIER}')"
    earlier = dict.fromkeys(EXCLUDED, units) | {"problems": "source = 'b'"}
    return {
        table: store.query(f"SELECT * EXCLUDE ({without}) FROM {table} WHERE NOT {earlier[table]} ORDER BY ALL").rows
        for table, without in EXCLUDED.items()
    }


EXCLUDED = {
    "problems": "added_at",
    "steps": "run_id",
    "trajectories": "run_id",
    "turns": "unit_id",
    "grades": "run_id, graded_at",
    "calls": "run_id, latency_ms, answered_at",
}
