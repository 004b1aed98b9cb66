"""Several worker processes share a job: real processes, a real server, kills, stops and clocks that are wrong."""

import asyncio
import json
import math
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.store import Store
from redraft.store.digest import digest
from redraft.store.leases.membership import WorkerFacts, read_workers

PROBLEMS, IN_FLIGHT = 30, 6
JOB: Mapping[str, Any] = {"strategy": "self_consistency", "samples": 1, "limit": PROBLEMS, "concurrency": IN_FLIGHT}
UNITS = "SELECT count(*), count(DISTINCT unit_id), max(attempt) FROM raw.commits WHERE status = 'done'"
ALL_ONCE = [(PROBLEMS, PROBLEMS, 1)]


class Server:
    """A model that answers its first `answers` calls; later ones wait until there are more of them."""

    def __init__(self, module: ModuleType) -> None:
        self.answers: float = math.inf
        self.running = module.OpenAIServer(self._write)

    async def _write(self, messages: list[dict[str, Any]], seed: int, index: int) -> str:
        await until(lambda: self.asked <= self.answers)
        return f"Draft of {seed}.\n\n#### 7"

    @property
    def url(self) -> str:
        return self.running.url

    @property
    def asked(self) -> int:
        """How many calls of a run have come; redraft's own questions about the server have other seeds."""
        return len(self.running.requests)

    def repeated(self, db: Path) -> int:
        """How many calls came more than once."""
        rows = Store(db).query("SELECT unit_id, purpose, place, first_sample FROM calls").rows
        known = {int(digest(0, *row), 16) % 2**31 for row in rows}
        counted = Counter(body.get("seed") for body in self.running.requests if body.get("seed") in known)
        return sum(counted.values()) - len(counted)


@pytest.fixture
async def server(openai_protocol: ModuleType) -> AsyncIterator[Server]:
    made = Server(openai_protocol)
    await made.running.start()
    yield made
    await made.running.stop()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "redraft.duckdb"


async def until(met: Callable[[], bool]) -> None:
    while not met():  # noqa: ASYNC110 - another process sets it
        await asyncio.sleep(0.02)


async def command(server: Server, db: Path, workers: int, *more: str) -> asyncio.subprocess.Process:
    """`redraft generate --workers N`."""
    options = [text for name, value in JOB.items() for text in (f"--{name}", str(value))]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REDRAFT_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "redraft.flows.cli.main", "generate", "builtin:levels=1", *options),
        *("--model", "tiny", "--api-base", server.url, "--workers", str(workers), "--db", db, *more),
        env=kept,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def worker(server: Server, db: Path, **told: Any) -> asyncio.subprocess.Process:
    """One worker; see fleet_run.py."""
    given = json.dumps({"db": str(db), "api_base": server.url, **JOB, **told})
    program = Path(__file__).with_name("fleet_run.py")
    return await asyncio.create_subprocess_exec(sys.executable, program, given, stderr=asyncio.subprocess.PIPE)


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """The exit code of a process, and what it wrote to standard error."""
    _, error = await process.communicate()
    return process.returncode, error.decode()


def workers(db: Path) -> list[WorkerFacts]:
    return [facts for folder in Path(f"{db}.leases").glob("*") for _, facts in read_workers(folder)]


def shards(db: Path, pid: int) -> int:
    """How many shards the worker with this process has."""
    names = [facts.name for facts in workers(db) if facts.pid == pid]
    claims = [json.loads(path.read_bytes()) for path in Path(f"{db}.leases").glob("*/*-??.*")]
    return sum(claim["worker"] in names and not claim["work"] for claim in claims)


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
        assert "were solved by other workers meanwhile" in told
    assert Store(db).query(UNITS).rows == ALL_ONCE
    assert server.repeated(db) == 0
    assert os.listdir(db.parent) == [db.name]


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
    """The slice of a killed worker counts as used; what it gave back does not."""
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
    assert Store(db).query("SELECT count(*) FROM raw.commits WHERE status = 'done'").rows[0][0] in (14, 15, 16)
    assert Store(db).query("SELECT status FROM runs ORDER BY started_at").rows[-1] == ("budget",)
    code, told = await ended(await worker(server, db, budget=budget, concurrency=1))  # used up, so that it begins anew
    assert code == 0, told
    assert Store(db).query(UNITS).rows[0][:2] == (PROBLEMS, PROBLEMS)
    assert server.repeated(db) <= 1
    assert server.asked > before


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
    server.answers = math.inf
    code, told = await ended(await command(server, db, 2))
    assert code == 0, told
    assert Store(db).query(UNITS).rows == ALL_ONCE
    assert Store(db).query("SELECT status FROM runs ORDER BY started_at").rows == [("interrupted",), ("finished",)]
    assert server.repeated(db) <= IN_FLIGHT
    assert os.listdir(db.parent) == [db.name]


async def test_workers_end_with_the_command_that_started_them(server: Server, db: Path) -> None:
    server.answers = PROBLEMS / 2
    run = await command(server, db, 2)
    await until(lambda: server.asked > server.answers and len(workers(db)) == 2)
    there = workers(db)
    run.kill()
    await run.wait()
    await until(lambda: not any(is_running(facts.pid) for facts in there))


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


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
