"""Several worker processes share a job: real processes, a real server, kills, stops and clocks that are wrong."""

import asyncio
import io
import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from fleet_site import (
    ALL_ONCE,
    IN_FLIGHT,
    JOB,
    PROBLEMS,
    UNITS,
    Server,
    command,
    commands,
    ended,
    is_running,
    leases,
    shards,
    until,
    worker,
    workers,
)
from redraft.flows.display.progress import Lines
from redraft.flows.generate import generate
from redraft.flows.setup.doctor import holds
from redraft.store import Store
from redraft.store.journal_files import is_locked


async def test_a_worker_is_killed_and_the_others_take_over(server: Server, db: Path) -> None:
    server.answers = PROBLEMS / 2
    run = await command(server, db, 3)
    await until(lambda: server.asked > server.answers and len(workers(db)) == 3)
    killed = next(facts for facts in workers(db) if shards(db, facts.pid))
    os.kill(killed.pid, signal.SIGKILL)
    server.answers = math.inf
    code, told = await ended(run)
    assert code == 0, told
    assert f"(process {killed.pid}) was killed by SIGKILL: the other workers take over its problems" in told
    assert Store(db).query(UNITS).rows == ALL_ONCE
    assert Store(db).query("SELECT status, count(*) FROM runs GROUP BY ALL").rows == [("finished", 1)]
    assert server.repeated(db) <= IN_FLIGHT
    assert os.listdir(db.parent) == [db.name]


async def test_a_worker_that_was_stopped_for_longer_than_its_lease_publishes_nothing_of_the_others(
    server: Server, db: Path
) -> None:
    server.answers = PROBLEMS / 3
    stopped = await worker(server, db, lease_s=2.0)
    await until(lambda: server.asked > server.answers)
    os.kill(stopped.pid, signal.SIGSTOP)
    server.answers = math.inf
    code, told = await ended(await worker(server, db))
    assert code == 0, told
    assert Store(db).query(UNITS).rows == ALL_ONCE
    os.kill(stopped.pid, signal.SIGCONT)
    code, told = await ended(stopped)
    assert code == 0, told
    assert "this process was stopped for longer than its leases lasted" in told
    assert Store(db).query(UNITS).rows == ALL_ONCE
    assert server.repeated(db) <= IN_FLIGHT
    assert os.listdir(db.parent) == [db.name]


async def test_commands_on_machines_whose_clocks_differ_by_hours_share_a_job(server: Server, db: Path) -> None:
    server.answers = 1
    runs = [
        await worker(server, db, machine=name, clock=clock) for name, clock in (("a", -3600), ("b", 0), ("c", 7200))
    ]
    await until(lambda: len(workers(db)) == 3 and all(shards(db, facts.pid) for facts in workers(db)))
    server.answers = math.inf
    for run in runs:
        code, told = await ended(run)
        assert code == 0, told
        assert "were done by other workers meanwhile" in told
    assert Store(db).query(UNITS).rows == ALL_ONCE
    assert server.repeated(db) == 0
    assert os.listdir(db.parent) == [db.name]


async def test_ctrl_c_ends_all_workers_and_the_same_command_goes_on(server: Server, db: Path) -> None:
    server.answers = PROBLEMS / 2
    run = await command(server, db, 2)
    await until(lambda: server.asked > server.answers and len(workers(db)) == 2)
    there = workers(db)
    run.send_signal(signal.SIGINT)
    code, told = await ended(run)
    assert code == 130, told
    assert "stopping; Ctrl-C again ends at once" in told
    await until(lambda: not any(is_running(facts.pid) for facts in there))
    await until(lambda: not any(map(is_locked, leases(db).glob("*/*-*"))))  # their helpers too
    server.answers = math.inf
    code, told = await ended(await command(server, db, 2))
    assert code == 0, told
    assert Store(db).query(UNITS).rows == ALL_ONCE
    assert Store(db).query("SELECT status FROM runs ORDER BY started_at").rows == [("interrupted",), ("finished",)]
    assert server.repeated(db) <= IN_FLIGHT
    assert [path for path in db.parent.rglob("*") if path != db] == []


async def test_workers_end_with_the_command_that_started_them(server: Server, db: Path) -> None:
    server.answers = PROBLEMS / 2
    run = await command(server, db, 2)
    await until(lambda: server.asked > server.answers and len(workers(db)) == 2)
    there = workers(db)
    run.kill()
    await run.wait()
    await until(lambda: not any(is_running(facts.pid) for facts in there))


async def test_a_finished_command_starts_no_worker(server: Server, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job: dict[str, Any] = {**JOB, "model": "tiny", "api_base": server.url, "db": db, "limit": 4}
    await generate("builtin:levels=1", **job)

    async def start(*_: Any, **__: Any) -> None:
        raise AssertionError("a worker was started")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    told = io.StringIO()
    summary = await generate("builtin:levels=1", workers=2, progress=Lines(told), **job)
    assert (summary.trajectories, summary.new) == (4, 0)
    assert told.getvalue().splitlines()[0].startswith("4 problems, 4 of them done before: self_consistency on tiny")
    assert Store(db).query("SELECT status FROM runs ORDER BY started_at").rows == [("finished",), ("finished",)]
    assert os.listdir(db.parent) == [db.name]


async def test_a_command_starts_no_more_workers_than_there_are_problems(server: Server, db: Path) -> None:
    server.answers = 0
    run = await command(server, db, 8, "--limit", "2")
    await until(lambda: len(workers(db)) == 2)
    await asyncio.sleep(0.5)
    assert len(workers(db)) == 2
    server.answers = math.inf
    code, told = await ended(run)
    assert code == 0, told


async def test_ctrl_c_while_the_workers_start_names_no_store_and_leaves_nothing(server: Server, db: Path) -> None:
    run = await command(server, db, 2)
    await until(lambda: bool(commands(db)))
    assert not workers(db)
    assert not any("without a word" in finding.says for finding in holds(str(db)))
    run.send_signal(signal.SIGINT)
    code, told = await ended(run)
    assert code == 130, told
    assert told.splitlines()[-1] == f"Stopped: none of {PROBLEMS} problems is done; the same command goes on from here."
    assert os.listdir(db.parent) == []


async def test_an_error_that_every_worker_would_meet_is_one_line(server: Server, db: Path) -> None:
    server.running.key = "secret"
    code, told = await ended(await command(server, db, 2))
    assert code == 2
    assert told.splitlines()[-1].startswith("redraft: ")
    assert "Traceback" not in told
    assert told.count("Incorrect API key") == told.count("redraft: ") == 1


@pytest.mark.parametrize(
    ("given", "cure"),
    [
        (["--set", "feedback=human", "--strategy", "correct"], "one process alone can ask a person"),
        (["--db", ":memory:"], "a store in memory would be lost at once"),
    ],
)
async def test_what_several_processes_cannot_do_is_refused(
    server: Server, db: Path, given: list[str], cure: str
) -> None:
    code, told = await ended(await command(server, db, 2, *given))
    assert (code, len(told.splitlines())) == (2, 1)
    assert cure in told
