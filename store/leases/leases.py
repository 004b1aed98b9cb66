"""Leases of shards: which worker does which part of a recipe's work.

A shard is the units whose ids begin with the same two digits, so commands with different problems agree about shards. A
claim is a file that is made unless it exists. Its name is the shard with a rising number, and the claim with the
highest number counts. A claim by a worker that is dead is taken over by a claim with a higher number.
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
from redraft.store.leases.membership import PREFIX, Membership, is_alive, read_workers
from redraft.store.leases.store_files import present_time, put_if_absent, replace

GIVEN_BACK = "given back"
"""The work of a claim whose worker gave the shard back before it was done."""


def shard_of(unit: str) -> str:
    """Returns the shard of a unit of work, one of 256."""
    return unit[:2]


class Claim(msgspec.Struct, frozen=True):
    """What the file of a claim says: who has the shard. `work` is a digest of what was done there, if it is done."""

    worker: str
    work: str = ""


class Found(NamedTuple):
    """The claim on a shard that counts, with its number."""

    number: int
    claim: Claim


class Taken(NamedTuple):
    """The result of claiming. `fresh` shards are claimed, and nobody had them since this worker joined; `changed` ones
    are claimed too, but what was read of the store before may not hold any more. `settled` ones were done by others
    since this worker joined."""

    fresh: list[str]
    changed: list[str]
    settled: list[str]


class Leases:
    """The leases of a worker of one recipe and replicate. `join` makes this process a worker. Every method may raise
    OSError, and reads or writes files, so an event loop calls it by `off_loop`."""

    def __init__(self, folder: Path, replicate: str, *, lease_s: float | None = None) -> None:
        self._folder, self._replicate, self._lease_s = folder, replicate, lease_s
        self._prefix = f"{digest('replicate', replicate)[:8]}-"
        self.on_lost: Callable[[str], None] = lambda worker: None
        """Called with the name of this worker, from another thread, if it was taken for dead."""
        self._membership: Membership | None = None
        self._before: dict[str, Found] = {}  # the claims when this worker joined
        self._held: dict[str, int] = {}  # the numbers of this worker's claims, by shard
        self._known: dict[tuple[str, int], Claim] = {}  # the claims that were read, by name and inode

    def join(self) -> str:
        """Makes this process a worker, and returns its name. If it is a worker already, it becomes another one, without
        any shard."""
        self.resign()
        self._membership = Membership(
            self._folder,
            replicate=self._replicate,
            lease_s=self._lease_s,
            on_lost=lambda worker: self.on_lost(worker),
        )
        self._before = self._scan()
        return self._membership.name

    @property
    def worker(self) -> str:
        """The name of this worker; "" before it has joined."""
        return self._membership.name if self._membership else ""

    @property
    def workers(self) -> int:
        """The number of workers of the recipe that live, at least 1."""
        return self._membership.count if self._membership else 1

    def now(self) -> int | None:
        """Renews the leases, and returns the time of the file system, in nanoseconds; None if they are lost."""
        return self._membership.now() if self._membership else None

    def are_held(self) -> bool:
        """Renews the leases. Returns whether this worker still has every shard that it has claimed and not finished; if
        it was taken for dead, it has none."""
        return self.now() is not None

    def living(self) -> set[str]:
        """Returns the names of the workers that live, this one too."""
        if members := self._membership:
            return {members.name, *(other.name for other in members.others())}
        with suppress(FileNotFoundError):
            now = present_time(self._folder)
            return {facts.name for path, facts in read_workers(self._folder) if is_alive(path, facts, now)}
        return set()

    def claim(self, wanted: Mapping[str, str], most: int) -> Taken:
        """Claims at most `most` of the shards that are free. `wanted` has a digest of the work to do in each."""
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
        """Gives a shard back. With `work`, the shard is done, and workers who want the same work leave it out."""
        number = self._held.pop(shard, None)
        if number is not None and self._membership is not None:
            with suppress(FileNotFoundError):
                claim = Claim(self._membership.name, work or GIVEN_BACK)
                replace(self._path(shard, number), msgspec.json.encode(claim))

    def resign(self) -> None:
        """Ends this worker; the shards that it has not finished are free."""
        if self._membership:
            self._membership.leave()
        self._membership, self._held = None, {}

    def leave(self) -> None:
        """Ends this worker, and removes the claims if no other worker is there."""
        if self._membership is None:
            return
        self.living()  # removes the dead
        self.resign()
        with suppress(FileNotFoundError):
            if not any(name.startswith(PREFIX) for name in os.listdir(self._folder)):
                self._remove()

    def _remove(self) -> None:
        """Removes the claims at once, by another name for the folder: a worker that joins meanwhile loses its file with
        them, and joins again."""
        old = self._folder.with_name(f".{secrets.token_hex(8)}.old")
        os.rename(self._folder, old)
        shutil.rmtree(old, ignore_errors=True)
        with suppress(OSError):  # another recipe has leases there
            self._folder.parent.rmdir()

    def _is_busy(self, shard: str, found: Found | None, living: Iterable[str]) -> bool:
        """Returns whether a worker that lives has the shard. A claim of this worker's own that it does not know of is
        one that it has lost."""
        if found is None or found.claim.work:
            return False
        mine = self._membership is not None and found.claim.worker == self._membership.name
        return shard in self._held if mine else found.claim.worker in living

    def _put(self, shard: str, found: Found | None) -> bool:
        """Claims a shard after the claim `found`. Returns False if another worker was faster."""
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
            except msgspec.MsgspecError:  # it is being written, on a file system without links
                return Claim("")
        return self._known[key]

    def _path(self, shard: str, number: int) -> Path:
        return self._folder / f"{self._prefix}{shard}.{number}"


class Alone(Leases):
    """The leases of a worker that shares its store with nobody, such as one in memory: every shard is free."""

    def __init__(self) -> None:
        super().__init__(Path(), "")

    def join(self) -> str:
        return ""

    def are_held(self) -> bool:
        return True

    def claim(self, wanted: Mapping[str, str], most: int) -> Taken:
        return Taken(list(wanted)[:most], [], [])
