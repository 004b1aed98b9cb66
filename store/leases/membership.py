"""The workers of a recipe: each has a file in the folder of leases, which it touches as long as it lives.

A worker is dead if its file was not touched for the length of its lease, or if it ran on this machine and its process
has ended. Whoever finds a worker dead removes its file. A worker that only slept finds its file missing when it wakes
up, and so learns that it has lost everything that it had leased.
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
PREFIX = "worker-"
TOKEN = 8  # digits


class WorkerFacts(msgspec.Struct, frozen=True):
    """What a worker says about itself. `machine` is the same for all processes of one running system."""

    name: str
    host: str
    machine: str
    pid: int
    version: str
    lease_s: float
    replicate: str = ""


class Membership:
    """This process as a worker of the recipe with this folder. `on_lost` is called with the worker's name, from
    another thread, if the worker was taken for dead. Raises OSError."""

    def __init__(
        self, folder: Path, *, replicate: str, lease_s: float | None = None, on_lost: Callable[[str], None]
    ) -> None:
        name, lease = f"w{secrets.token_hex(TOKEN // 2)}", LEASE_S if lease_s is None else lease_s
        host, here = socket.gethostname(), machine()
        self.facts = WorkerFacts(name, host, here, os.getpid(), version("redraft"), lease, replicate)
        self.folder = folder
        self.count = 1  # the workers of the recipe that live, as far as this worker knows
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
        """Renews the lease, and returns the time of the file system in nanoseconds; None if this worker was taken for
        dead, and so has lost its leases."""
        try:
            return touch(self._path)
        except FileNotFoundError:
            return None

    def others(self) -> list[WorkerFacts]:
        """Returns the other workers that live, and removes those that are dead."""
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
        """Ends the membership; what this worker still has leased is free."""
        self._left.set()
        self._path.unlink(missing_ok=True)
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _keep(self) -> None:
        while not self._left.wait(self.facts.lease_s / RENEWALS):
            with suppress(OSError):  # a folder that is away for a moment
                if self.now() is None:
                    break
                self.others()
        if not self._left.is_set():
            self._on_lost(self.name)


def read_workers(folder: Path) -> list[tuple[Path, WorkerFacts]]:
    """Returns the files of the workers in the folder, alive or dead, and what the files say."""
    found = []
    for path in sorted(folder.glob(f"{PREFIX}*")):
        with suppress(FileNotFoundError, msgspec.MsgspecError):
            found.append((path, msgspec.json.decode(path.read_bytes(), type=WorkerFacts)))
    return found


def is_alive(path: Path, facts: WorkerFacts, now: int) -> bool:
    """Returns whether the worker with the file `path` lives at the time `now` of the file system, in nanoseconds."""
    touched = touched_at(path)
    if touched is None or now - touched > facts.lease_s * 1e9:
        return False
    return facts.machine != machine() or is_locked(path)


def machine() -> str:
    """Returns a text that is the same for all processes of this running system, and different for any other."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return socket.gethostname()
