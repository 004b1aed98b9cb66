"""The workers of a recipe. Each worker has a file in the folder of leases, and touches it as long as it runs.

A worker is dead if its file was not touched for the length of its lease, or if it ran on this machine and its process
has ended. A worker that finds another one dead deletes that worker's file. A worker that was only suspended finds its
file missing when it continues, and so learns that it has lost all its leases.
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
RENEWALS = 5  # per duration of a lease
PREFIX = "worker-"
TOKEN = 8  # hexadecimal digits


class WorkerFacts(msgspec.Struct, frozen=True):
    """The content of a worker's file. `machine` is the same for all processes of one running system."""

    name: str
    host: str
    machine: str
    pid: int
    version: str
    lease_s: float
    replicate: str = ""


class Membership:
    """This process as a worker of the recipe whose leases are in `folder`. `on_lost` is called with the worker's name,
    from another thread, if other workers took this worker for dead. Raises OSError."""

    def __init__(
        self, folder: Path, *, replicate: str, lease_s: float | None = None, on_lost: Callable[[str], None]
    ) -> None:
        name, lease = f"w{secrets.token_hex(TOKEN // 2)}", LEASE_S if lease_s is None else lease_s
        host, here = socket.gethostname(), machine()
        self.facts = WorkerFacts(name, host, here, os.getpid(), version("redraft"), lease, replicate)
        self.folder = folder
        self.count = 1  # the live workers of the recipe, as last counted
        self._path = folder / f"{PREFIX}{name}"
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
        """Returns the other live workers, and deletes the files of dead workers."""
        now = self.now()
        if now is None:
            return []
        living = []
        for path, facts in read_workers(self.folder):
            if facts.name == self.name:
                continue
            if is_alive(path, facts, now):
                living.append(facts)
            else:
                path.unlink(missing_ok=True)
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


def read_workers(folder: Path) -> list[tuple[Path, WorkerFacts]]:
    """Returns a pair (path, content) for each worker's file in the folder. The workers may be live or dead."""
    found = []
    for path in sorted(folder.glob(f"{PREFIX}*")):
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
