"""Reads the state of the workers that share a store from its leases."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from redraft.store.errors import plural
from redraft.store.leases.leases import Claim
from redraft.store.leases.membership import COMMAND, PREFIX, RENEWALS, WorkerFacts, is_alive, machine, read_workers
from redraft.store.leases.slices import BUDGET, settled_state
from redraft.store.leases.store_files import present_time, touched_at
from redraft.store.leases.usage import WHAT, Amounts


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker, or a command that starts workers: the recipe that it works on, how many shards it has and has done, and
    the seconds since it renewed its leases."""

    recipe: str
    facts: WorkerFacts
    alive: bool
    has: int
    done: int
    age_s: float

    @property
    def sleeps(self) -> bool:
        """Returns True if the worker process exists but does nothing, for example because a signal has suspended it."""
        return self.alive and self.age_s > 2 * self.facts.lease_s / RENEWALS

    def __str__(self) -> str:
        facts = self.facts
        job = f"recipe {self.recipe}" + (f", replicate {facts.replicate!r}" if facts.replicate else "")
        shards = f"has {plural(self.has, 'shard')}, has done {self.done}"
        if facts.starts:
            shards = f"the command of {plural(facts.starts, 'worker')}"
        return (
            f"{facts.name} on {facts.host} (process {facts.pid}, redraft {facts.version}), {job}: {shards}; its lease"
            f" of {facts.lease_s:g} s was renewed {self.age_s:.0f} s ago"
        )

    @property
    def cure(self) -> str:
        """Returns what to do about the worker; "" if it works."""
        if not self.alive and self.facts.starts:
            return "it is dead: its workers end by themselves; give the same command again"
        if not self.alive:
            return "it is dead: other workers take over its shards; without any, give the same command again"
        if not self.sleeps:
            return ""
        here = self.facts.machine == machine() and _is_stopped(self.facts.pid)
        wake = f"wake it with `kill -CONT {self.facts.pid}`, or wait" if here else "see whether its machine is up"
        return f"it does nothing: {wake}; when its lease ends, others take over its shards"


def workers(leases: Path) -> list[WorkerStatus]:
    """Returns the workers and commands whose files are in the folder of a store's leases, by recipe. Raises OSError."""
    found = []
    for folder in _recipes(leases):
        now = present_time(folder)
        has, done = _claims(folder)
        for path, facts in (*read_workers(folder, COMMAND), *read_workers(folder)):
            age = (now - (touched_at(path) or now)) / 1e9
            alive = is_alive(path, facts, now)
            found.append(WorkerStatus(folder.name, facts, alive, has[facts.name], done[facts.name], max(0.0, age)))
    return found


def abandoned(leases: Path) -> list[str]:
    """Returns the recipes with leases, but without a worker or a command."""
    return [folder.name for folder in _recipes(leases) if not any(map(_is_member, folder.iterdir()))]


def budgets(leases: Path, living: Collection[str]) -> Iterator[tuple[Path, Amounts]]:
    """Yields the folders of budgets, of runs at work and of runs that were stopped, each with what counts as used by
    workers that are not among the `living`."""
    for folder in sorted(leases.glob(f"*{BUDGET}")):
        state = settled_state(folder, living)
        yield folder, {what: state.spent(what) for what in WHAT}


def _is_member(file: Path) -> bool:
    return file.name.startswith((PREFIX, COMMAND))


def _recipes(leases: Path) -> list[Path]:
    if not leases.is_dir():
        return []
    return [path for path in sorted(leases.iterdir()) if path.is_dir() and not path.name.endswith((BUDGET, ".old"))]


def _claims(folder: Path) -> tuple[Counter[str], Counter[str]]:
    """Returns two counters by worker: the shards that it has leased, and the shards that it has done."""
    newest: dict[str, tuple[int, Path]] = {}
    for path in folder.iterdir():
        shard, dot, number = path.name.partition(".")
        if dot and number.isdecimal():
            newest[shard] = max(newest.get(shard, (0, path)), (int(number), path))
    has, done = Counter[str](), Counter[str]()
    for _, path in newest.values():
        with suppress(FileNotFoundError, msgspec.MsgspecError):
            claim = msgspec.json.decode(path.read_bytes(), type=Claim)
            (done if claim.work else has)[claim.worker] += 1
    return has, done


def _is_stopped(pid: int) -> bool:
    """Returns True if a signal has suspended a process of this machine. Returns False if the system does not tell."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    return False
