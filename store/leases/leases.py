"""Leases of shards: which worker does which part of a recipe's work.

A shard is the set of units whose ids begin with the same two digits, so commands with different problems divide the
work into the same shards. A claim on a shard is a file that only one process can create. The file's name is the shard
and an increasing number, and the claim with the highest number is valid. If a worker has died, another worker takes its
claim over by creating a claim with the next number.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from redraft.store.digest import digest
from redraft.store.leases.membership import COMMAND, PREFIX, Membership, is_alive, read_workers
from redraft.store.leases.store_files import present_time, put_if_absent, replace

GIVEN_BACK = "given back"
"""The value of `work` in a claim whose worker gave the shard back before it was done."""


def shard_of(unit: str) -> str:
    """Returns the shard of a unit of work: the first two hexadecimal digits of its id. There are 256 shards."""
    return unit[:2]


class Claim(msgspec.Struct, frozen=True):
    """The content of a claim's file: the worker that has the shard. `work` is a digest of the work that was done there;
    it is empty until the work is done."""

    worker: str
    work: str = ""


class Found(NamedTuple):
    """The valid claim on a shard, with its number."""

    number: int
    claim: Claim


class Taken(NamedTuple):
    """The result of `claim`, three lists of shards. `fresh` shards are claimed, and no other worker has had them since
    this worker joined. `changed` shards are claimed too, but other workers had them meanwhile, so what this worker has
    read from the store about them may be outdated. `settled` shards were done by other workers since this worker
    joined."""

    fresh: list[str]
    changed: list[str]
    settled: list[str]


class Leases:
    """The leases of one worker of a recipe and a replicate. `join` makes this process a worker. Every method may raise
    OSError. The methods read and write files, so an event loop calls them through `off_loop`."""

    def __init__(self, folder: Path, replicate: str, *, lease_s: float | None = None) -> None:
        self._folder, self._replicate, self._lease_s = folder, replicate, lease_s
        self._prefix = f"{digest('replicate', replicate)[:8]}-"
        self.on_lost: Callable[[str], None] = lambda worker: None
        """Called with the name of this worker, from another thread, if it was taken for dead."""
        self._membership: Membership | None = None
        self._before: dict[str, Found] = {}  # the valid claims when this worker joined
        self._held: dict[str, int] = {}  # the numbers of this worker's claims, by shard
        self._known: dict[tuple[str, int], Claim] = {}  # the claims that were read, by name and inode

    def join(self) -> str:
        """Makes this process a worker, and returns its name. If it is a worker already, it becomes another one, without
        any shard."""
        self._membership = self._member()
        self._before = self._scan()
        return self._membership.name

    def lead(self, workers: int) -> None:
        """Makes this process known as a command that starts so many workers. It leases nothing itself."""
        self._membership = self._member(workers)

    @property
    def worker(self) -> str:
        """Returns the name of this worker, or "" before it has joined."""
        return self._membership.name if self._membership else ""

    @property
    def workers(self) -> int:
        """Returns the number of live workers of the recipe, at least 1."""
        return self._membership.count if self._membership else 1

    def now(self) -> int | None:
        """Renews the leases and returns the time of the file system in nanoseconds. Returns None if the leases are
        lost."""
        return self._membership.now() if self._membership else None

    def are_held(self) -> bool:
        """Renews the leases. Returns whether this worker still has every shard that it has claimed and not finished. If
        other workers took it for dead, it has none."""
        return self.now() is not None

    def living(self) -> set[str]:
        """Returns the names of the live workers, including this one."""
        if members := self._membership:
            return {members.name, *(other.name for other in members.others())}
        with suppress(FileNotFoundError):
            now = present_time(self._folder)
            return {facts.name for path, facts in read_workers(self._folder) if is_alive(path, facts, now)}
        return set()

    def claim(self, wanted: Mapping[str, str], most: int) -> Taken:
        """Claims at most `most` of the free shards in `wanted`, which maps each shard to a digest of the work to do
        there."""
        taken = Taken([], [], [])
        there = self._scan()
        living = self.living()  # read after the claims: a worker joins before it claims
        for shard, work in wanted.items():
            found, before = there.get(shard), self._before.get(shard)
            if found and found.claim.work == work and found != before:
                taken.settled.append(shard)
                continue
            room = len(taken.fresh) + len(taken.changed) < most
            if room and not self._is_busy(shard, found, living) and self._put(shard, found):
                as_read = found == before and (found is None or found.claim.work)
                (taken.fresh if as_read else taken.changed).append(shard)
        return taken

    def finish(self, shard: str, work: str = "") -> None:
        """Gives a shard back. If `work` is given, the shard is done, and workers that want the same work skip it."""
        number = self._held.pop(shard, None)
        if number is not None and self._membership is not None:
            with suppress(FileNotFoundError):
                claim = Claim(self._membership.name, work or GIVEN_BACK)
                replace(self._path(shard, number), msgspec.json.encode(claim))

    def resign(self) -> None:
        """Ends this worker. The shards that it has not finished are then free."""
        if self._membership:
            self._membership.leave()
        self._membership, self._held = None, {}

    def leave(self) -> None:
        """Ends this worker, and removes the claims if no other worker or command is there."""
        if self._membership is None:
            return
        self.living()  # removes the dead
        self.resign()
        with suppress(FileNotFoundError):
            if not any(name.startswith((PREFIX, COMMAND)) for name in os.listdir(self._folder)):
                self._remove()

    def _member(self, starts: int = 0) -> Membership:
        self.resign()
        return Membership(
            self._folder,
            replicate=self._replicate,
            lease_s=self._lease_s,
            on_lost=lambda worker: self.on_lost(worker),
            starts=starts,
        )

    def _remove(self) -> None:
        """Deletes the claims at once, by renaming their folder. A worker that joins meanwhile loses its file too, and
        joins again."""
        old = self._folder.with_name(f".{secrets.token_hex(8)}.old")
        os.rename(self._folder, old)
        shutil.rmtree(old, ignore_errors=True)
        with suppress(OSError):  # another recipe has leases there
            self._folder.parent.rmdir()

    def _is_busy(self, shard: str, found: Found | None, living: Iterable[str]) -> bool:
        """Returns whether a live worker has the shard. A valid claim under this worker's name counts only if the worker
        knows of it; otherwise the worker has lost the shard."""
        if found is None or found.claim.work:
            return False
        mine = self._membership is not None and found.claim.worker == self._membership.name
        return shard in self._held if mine else found.claim.worker in living

    def _put(self, shard: str, found: Found | None) -> bool:
        """Claims a shard with the number after `found`. Returns False if another worker was faster."""
        if self._membership is None:
            return False
        number = found.number + 1 if found else 1
        if not put_if_absent(self._path(shard, number), msgspec.json.encode(Claim(self._membership.name))):
            return False
        self._held[shard] = number
        return True

    def _scan(self) -> dict[str, Found]:
        numbers: dict[str, tuple[int, int]] = {}
        with suppress(FileNotFoundError):
            for entry in os.scandir(self._folder):
                if entry.name.startswith(self._prefix):
                    shard, _, number = entry.name.removeprefix(self._prefix).partition(".")
                    numbers[shard] = max(numbers.get(shard, (0, 0)), (int(number), entry.inode()))
        found = {}
        for shard, (number, inode) in numbers.items():
            if claim := self._read(self._path(shard, number), inode):
                found[shard] = Found(number, claim)
        return found

    def _read(self, path: Path, inode: int) -> Claim | None:
        key = (path.name, inode)
        if key not in self._known:
            try:
                self._known[key] = msgspec.json.decode(path.read_bytes(), type=Claim)
            except FileNotFoundError:
                return None
            except msgspec.MsgspecError:  # another worker is writing it, on a file system without links
                return Claim("")
        return self._known[key]

    def _path(self, shard: str, number: int) -> Path:
        return self._folder / f"{self._prefix}{shard}.{number}"


class Alone(Leases):
    """The leases of a worker that shares its store with no other process, such as a store in memory: every shard is
    free."""

    def __init__(self) -> None:
        super().__init__(Path(), "")

    def join(self) -> str:
        return ""

    def lead(self, workers: int) -> None: ...

    def are_held(self) -> bool:
        return True

    def claim(self, wanted: Mapping[str, str], most: int) -> Taken:
        return Taken(list(wanted)[:most], [], [])
