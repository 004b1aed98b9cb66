"""A budget and a progress that several workers share, also after a kill."""

import io
import json
import math
import os
import re
from pathlib import Path
from typing import Any

from fleet_site import IN_FLIGHT, JOB, PROBLEMS, UNITS, Server, command, ended, until, worker
from redraft.flows.display.progress import Counts, JsonLines
from redraft.flows.fleet.worker_command import Fleet
from redraft.flows.fleet.worker_messages import UnitEvent
from redraft.flows.generate import generate
from redraft.flows.setup.doctor import shared
from redraft.llm.limits import Budget
from redraft.store import Store


async def test_a_budget_is_that_of_all_workers(server: Server, db: Path) -> None:
    run = await command(server, db, 2, "--budget-calls", "11")
    code, told = await ended(run)
    assert code == 0, told
    assert Store(db).query("SELECT status, facts->>'reason' FROM runs").rows == [
        ("budget", "The run's budget of 11 calls is used up.")
    ]
    assert Store(db).query("SELECT sum(attempts) FROM calls").rows == [(11,)]
    assert os.listdir(db.parent) == [db.name]


async def test_a_killed_run_has_no_second_budget(server: Server, db: Path) -> None:
    """The answered calls of a killed worker count as used, and the call in flight does."""
    budget = {"calls": 16}
    server.answers = 7
    killed = await worker(server, db, budget=budget, concurrency=1)
    await until(lambda: server.asked > server.answers)
    killed.kill()
    await killed.wait()
    server.answers = math.inf
    before = server.asked
    code, told = await ended(await worker(server, db, budget=budget, concurrency=1))
    assert code == 0, told
    assert Store(db).query("SELECT count(*) FROM raw.commits WHERE status = 'done'").rows == [(15,)]
    assert Store(db).query("SELECT status FROM runs ORDER BY started_at").rows[-1] == ("budget",)
    code, told = await ended(await worker(server, db, budget=budget, concurrency=1))  # used up, so that it begins anew
    assert code == 0, told
    assert Store(db).query(UNITS).rows[0][:2] == (PROBLEMS, PROBLEMS)
    assert server.repeated(db) <= 1
    assert server.asked > before


async def test_a_kill_soon_after_the_start_leaves_nearly_all_of_the_budget(server: Server, db: Path) -> None:
    """Six calls are in flight, each of which could use 1,024 tokens and more; one was answered."""
    budget = {"tokens": 20_000}
    server.answers = 1
    killed = await worker(server, db, budget=budget, max_tokens=1000)
    await until(lambda: server.asked > IN_FLIGHT)
    killed.kill()
    await killed.wait()
    [finding] = [finding for finding in shared(Store(db)) if finding.about == "budget"]
    used = int(re.findall(r"([\d,]+) tokens", finding.says)[0].replace(",", ""))
    assert 0 < used <= 2_000, finding.says
    server.answers = math.inf
    code, told = await ended(await worker(server, db, budget=budget, max_tokens=1000))
    assert code == 0, told
    assert Store(db).query(UNITS).rows == [(PROBLEMS, PROBLEMS, 1)]


async def test_a_unit_that_is_finished_again_counts_once(server: Server, db: Path) -> None:
    """A budget cut it short, or its worker died before it was stored."""
    told = io.StringIO()
    fleet = Fleet(2, JsonLines(told))
    for status, counted in (
        ("cut", Counts(1, 1, 1, 0, 0, tokens=40)),
        ("done", Counts(1, 2, 2, 1, 1, tokens=30)),  # the tokens since
    ):
        fleet.take(UnitEvent("u1", "p1", status, counted))
    for _ in range(2):
        fleet.take(UnitEvent("u2", "p2", "done", Counts(1, 2, 2, 0, 2, tokens=50)))
    last = json.loads(told.getvalue().splitlines()[-1])
    assert {name: last[name] for name in ("problems", "drafts", "right", "tokens")} == {
        "problems": 2, "drafts": 4, "right": 3, "tokens": 120
    }  # fmt: skip


async def test_the_progress_of_a_budget_that_goes_on_stays_within_the_problems(server: Server, db: Path) -> None:
    job: dict[str, Any] = {**JOB, "model": "tiny", "api_base": server.url, "db": db}
    for calls in (11, 13, 60):
        told = io.StringIO()
        progress = JsonLines(told)
        await generate("builtin:levels=1", workers=3, progress=progress, budget=Budget(calls=calls), **job)
        events = [json.loads(line) for line in told.getvalue().splitlines()]
        [plan] = [event for event in events if event["event"] == "begin"]
        counted = [event["problems"] for event in events if event["event"] == "unit"]
        assert counted == sorted(counted)
        assert counted[-1] <= plan["problems"] - plan["done"]
    assert Store(db).query(UNITS).rows[0][:2] == (PROBLEMS, PROBLEMS)
