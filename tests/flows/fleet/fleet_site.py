"""What the tests of fleets share: a server that holds its answers back, commands with workers, and what their leases
say."""

import asyncio
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from redraft.store import Store
from redraft.store.digest import digest
from redraft.store.leases.membership import COMMAND, WorkerFacts, read_workers

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
        text = str(messages[-1]["content"])
        if text.startswith("Rephrase"):
            return "Here is the question:\nTell me: " + text.split("\n\n", 1)[1]
        return f"Draft of {seed}.\n\n#### {seed % 8}"

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


async def until(met: Callable[[], bool]) -> None:
    while not met():  # noqa: ASYNC110 - another process sets it
        await asyncio.sleep(0.02)


GENERATE = (
    "generate",
    "builtin:levels=1",
    *(text for name, value in JOB.items() for text in (f"--{name}", str(value))),
)
ANNOTATE = ("annotate", "--grader", "rollout", "--set", "grader.rollouts=2", "--concurrency", str(IN_FLIGHT))
AUGMENT = (
    *("augment", "builtin:levels=1", "--method", "rephrase", "--method", "answers", "--samples", "2"),
    *("--limit", str(PROBLEMS), "--concurrency", str(IN_FLIGHT)),
)
EVALUATE = (
    *("evaluate", "builtin:levels=1", "--strategy", "best_of_n", "--strategy", "correct feedback=none turns=2"),
    *("--samples", "2", "--baseline", "3", "--limit", "8", "--concurrency", str(IN_FLIGHT)),
)


async def command(
    server: Server, db: Path, workers: int, *more: str, stage: Sequence[str] = GENERATE
) -> asyncio.subprocess.Process:
    """`redraft generate --workers N`, or another stage."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REDRAFT_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "redraft.flows.cli.main", *stage),
        *("--model", "tiny", "--api-base", server.url, "--workers", str(workers), "--db", db, *more),
        env=kept,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def worker(server: Server, db: Path, *, python: str = sys.executable, **told: Any) -> asyncio.subprocess.Process:
    """One worker; see fleet_run.py."""
    given = json.dumps({"db": str(db), "api_base": server.url, **JOB, **told})
    program = Path(__file__).with_name("fleet_run.py")
    return await asyncio.create_subprocess_exec(python, program, given, stderr=asyncio.subprocess.PIPE)


async def shows(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    """The exit code of a process, and what it wrote to standard output and to standard error."""
    output, error = await process.communicate()
    return process.returncode, output.decode(), error.decode()


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """The exit code of a process, and what it wrote to standard error."""
    _, error = await process.communicate()
    return process.returncode, error.decode()


def leases(db: Path) -> Path:
    """The folder of the leases of a store in a file, or in a folder."""
    return db / "leases" if db.is_dir() else Path(f"{db}.leases")


def workers(db: Path) -> list[WorkerFacts]:
    return [facts for folder in leases(db).glob("*") for _, facts in read_workers(folder)]


def shards(db: Path, pid: int) -> int:
    """How many shards the worker with this process has."""
    names = [facts.name for facts in workers(db) if facts.pid == pid]
    claims = [json.loads(path.read_bytes()) for path in leases(db).glob("*/*-??.*")]
    return sum(claim["worker"] in names and not claim["work"] for claim in claims)


def commands(db: Path) -> list[WorkerFacts]:
    return [facts for folder in leases(db).glob("*") for _, facts in read_workers(folder, COMMAND)]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
