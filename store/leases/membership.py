"""The workers of a recipe. Each worker has a file in the folder of leases, and touches it as long as it runs.

A worker is dead if its file was not touched for the length of its lease, or if it ran on this machine and its process
has ended. Whoever finds a worker dead removes its file. A worker that only slept finds its file missing when it wakes
up, and so learns that it has lost everything that it had leased.

A command that starts worker processes has a file there too, under another name: others see that a run is at work, even
before its workers are there.
"""

import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import msgspec

from redraft.store.journal_files import is_locked
from redraft.store.leases.store_files import make_locked, touch, touched_at

LEASE_S = 30.0
"""Seconds that a lease lasts without being renewed."""
RENEWALS = 5  # in the time of a lease
PREFIX, COMMAND = "worker-", "command-"
TOKEN = 8  # digits


class WorkerFacts(msgspec.Struct, frozen=True):
    """What a worker says about itself. `machine` is the same for all processes of one running system. A command that
    starts workers says in `starts` how many."""

    name: str
    host: str
    machine: str
    pid: int
    version: str
    lease_s: float
    replicate: str = ""
    starts: int = 0


class Membership:
    """This process as a worker of the recipe with this folder; or as a command, if it `starts` workers. `on_lost` is
    called with the worker's name, from another thread, if the worker was taken for dead. Raises OSError."""

    def __init__(
        self,
        folder: Path,
        *,
        replicate: str,
        lease_s: float | None = None,
        on_lost: Callable[[str], None],
        starts: int = 0,
    ) -> None:
        kind, prefix = ("c", COMMAND) if starts else ("w", PREFIX)
        name, lease = f"{kind}{secrets.token_hex(TOKEN // 2)}", LEASE_S if lease_s is None else lease_s
        host, here = socket.gethostname(), machine()
        self.facts = WorkerFacts(name, host, here, os.getpid(), version("redraft"), lease, replicate, starts)
        self.folder = folder
        self.count = 1  # the workers of the recipe that live, as far as this worker knows
        self._path = folder / f"{prefix}{name}"
        self._file = make_locked(self._path, msgspec.json.encode(self.facts))
        self._on_lost = on_lost
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease {name}", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        return self.facts.name

    def now(self) -> int | None:
        """Renews the lease and returns the time of the file system in nanoseconds. Returns None if other workers took
        this worker for dead, so that it has lost its leases."""
        try:
            return touch(self._path)
        except FileNotFoundError:
            return None

    def others(self) -> list[WorkerFacts]:
        """Returns the other workers that live, and removes the files of the dead."""
        now = self.now()
        if now is None:
            return []
        living = []
        for path, facts in (*read_workers(self.folder), *read_workers(self.folder, COMMAND)):
            if facts.name == self.name:
                continue
            if not is_alive(path, facts, now):
                path.unlink(missing_ok=True)
            elif not facts.starts:
                living.append(facts)
        self.count = 1 + len(living)
        return living

    def leave(self) -> None:
        """Ends the membership. The shards that this worker still has leased are then free."""
        self._left.set()
        self._path.unlink(missing_ok=True)
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _keep(self) -> None:
        while not self._left.wait(self.facts.lease_s / RENEWALS):
            with suppress(OSError):  # the folder may be unreachable for a moment
                if self.now() is None:
                    break
                self.others()
        if not self._left.is_set():
            self._on_lost(self.name)


def read_workers(folder: Path, prefix: str = PREFIX) -> list[tuple[Path, WorkerFacts]]:
    """Returns the files of the workers in the folder, alive or dead, and what the files say; with COMMAND as the
    `prefix`, those of commands."""
    found = []
    for path in sorted(folder.glob(f"{prefix}*")):
        with suppress(FileNotFoundError, msgspec.MsgspecError):
            found.append((path, msgspec.json.decode(path.read_bytes(), type=WorkerFacts)))
    return found


def is_alive(path: Path, facts: WorkerFacts, now: int) -> bool:
    """Returns whether the worker with the file `path` is live at `now`, the time of the file system in nanoseconds."""
    touched = touched_at(path)
    if touched is None or now - touched > facts.lease_s * 1e9:
        return False
    return facts.machine != machine() or is_locked(path)


def machine() -> str:
    """Returns a text that is the same for all processes of this running system and differs from that of any other
    system."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return socket.gethostname()
