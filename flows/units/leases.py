"""The tasks of a run that this worker leases. It leases only a few shards at a time, so that other workers can lease
the rest."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Generic, NamedTuple, Protocol, TypeVar

from redraft.store.digest import digest
from redraft.store.journal import Journal
from redraft.store.leases.leases import Leases, Taken, shard_of
from redraft.store.problems import Problem
from redraft.store.unit import Unit
from redraft.store.waiting import off_loop

BATCH = 256  # tasks whose stored replies are read together
POLL_S = 0.3  # seconds between two checks of other workers' shards


class Task(Protocol):
    """A unit of work: its id, its problem, and the number of the attempt, from 1."""

    @property
    def unit(self) -> str: ...

    @property
    def problem(self) -> Problem: ...

    @property
    def attempt(self) -> int: ...


T = TypeVar("T", bound=Task)
V = TypeVar("V")


class ListedTasks(Generic[T]):
    """The tasks of a run that no other worker shares."""

    def __init__(self, tasks: Sequence[T]) -> None:
        self._tasks = tasks
        self.are_done = True

    async def batches(self, ended: Callable[[], bool]) -> AsyncIterator[Sequence[T]]:
        """Yields the tasks in order."""
        for start in range(0, len(self._tasks), BATCH):
            if ended():
                return
            yield self._tasks[start : start + BATCH]

    def has(self, task: T) -> bool:
        """Returns True, because no other worker can take the task."""
        return True

    def take_moved(self) -> list[str]:
        """Returns an empty list, because no calls are taken over from other journals."""
        return []

    def leftovers(self) -> list[str]:
        """Returns an empty list, because no other worker can leave calls."""
        return []


class LeasedTasks(Generic[T]):
    """The tasks of a run, by shard. `units` returns all units of the run, including those that are done, with a hash
    of the wanted work for each. Two workers do the same work on a shard if they agree on all its units. `tasks` are the
    units that are not done; they are read after the worker has joined. `again` reads again which tasks are not done; it
    is called if another worker had leased the shard in the meantime. `window` is the number of tasks that this worker
    can do concurrently.

    `settled` counts the tasks that other workers did.
    """

    def __init__(
        self,
        tasks: Sequence[T],
        units: Callable[[], Mapping[str, str]],
        *,
        again: Callable[[], Sequence[T]],
        leases: Leases,
        journal: Journal,
        window: Callable[[], int],
    ) -> None:
        self.leases, self._journal = leases, journal
        self._again, self._window = again, window
        self._tasks = _by_shard({task.unit: task for task in tasks})
        self._wanted = units
        self._work = {shard: digest(shard, sorted(self._units[shard].items())) for shard in self._tasks}
        self._open = dict.fromkeys(self._tasks)  # the shards that are not done, in order
        self._undone: dict[str, set[str]] = {}  # by shard that this worker has: the units that are not stored
        self._cut: set[str] = set()  # the shards with units that a budget cut short
        self._worker: str | None = leases.worker  # None if this worker has lost its leases
        self._old = False  # True if others may have stored units since `tasks` were read
        self.settled = 0
        self._moved: list[str] = []

    @cached_property
    def _units(self) -> dict[str, dict[str, str]]:
        """The units of the run, by shard. A run that has nothing to do needs none of them, and to make a million
        ids takes seconds."""
        return _by_shard(self._wanted())

    @property
    def are_done(self) -> bool:
        """True if every shard is done, by this worker or by another."""
        return not self._open

    async def batches(self, ended: Callable[[], bool]) -> AsyncIterator[Sequence[T]]:
        """Yields tasks that this worker has leased, until no tasks are left. While other workers have shards, it waits,
        because one of them may die."""
        while (free := [shard for shard in self._open if shard not in self._undone]) and not ended():
            if self._worker is None:
                self._worker = await off_loop(self.leases.join)
            worker = self._worker
            taken = await off_loop(self._take, free)
            if self._worker != worker:  # the leases were lost in the meantime
                self._journal.abandon()
                continue
            if tasks := await self._note(taken):
                yield tasks
            else:
                await asyncio.sleep(POLL_S)

    async def stored(self, units: Sequence[Unit]) -> None:
        """Records that units are in the store, and releases the shards that are done."""
        finished = []
        for unit in units:
            shard = shard_of(unit.unit_id)
            if unit.status == "cut":
                self._cut.add(shard)
            if shard in self._undone:
                self._undone[shard].discard(unit.unit_id)
                finished += [] if self._undone[shard] else [shard]
        await self._finish(dict.fromkeys(finished))

    def has(self, task: T) -> bool:
        """Returns True if this worker still has the shard of a task."""
        return task.unit in self._undone.get(shard_of(task.unit), ())

    def lose(self, worker: str) -> bool:
        """Records that this process has lost the leases that it had as `worker`. Returns True if it was not known
        before. The shards are open again, also for this process, which joins under a new name."""
        if self._worker != worker:
            return False
        self._worker, self._old = None, True
        self._undone.clear()
        self._journal.abandon()
        return True

    def take_moved(self) -> list[str]:
        """Returns, once, the units whose calls were taken over from another journal; these calls may already be in the
        store."""
        moved, self._moved = self._moved, []
        return moved

    def leftovers(self) -> list[str]:
        """Takes over the calls that dead workers left for any unit, and returns these units. Calls that are in the
        store can be removed from the journal."""
        if not self._worker or not self._journal.has_others():
            return []
        units = [unit for there in self._units.values() for unit in there]
        return self._journal.take(units, self.leases.worker, self.leases.living())

    def _take(self, free: Sequence[str]) -> "_Step[T]":
        """Claims shards, reads which of their tasks are not done, and takes over the calls of dead workers. The
        function runs in a thread, so it does not change this object."""
        each = sum(len(self._tasks[shard]) for shard in free) / len(free)
        most = math.ceil(self._window() / 2 / max(each, 1))
        taken = self.leases.claim({shard: self._work[shard] for shard in free}, most)
        shards = [*taken.fresh, *taken.changed]
        reread = None
        if taken.changed or (shards and self._old):
            reread = _by_shard({task.unit: task for task in self._again()})
        units = [unit for shard in shards for unit in self._units[shard]]
        moved = self._journal.take(units, self.leases.worker, self.leases.living()) if units else []
        return _Step(taken, reread, moved)

    async def _note(self, step: "_Step[T]") -> list[T]:
        """Records newly leased shards, and returns their tasks."""
        taken = step.taken
        self.settled += sum(len(self._tasks[shard]) for shard in taken.settled)
        self._close(taken.settled)
        shards = [*taken.fresh, *taken.changed]
        if step.reread is not None:
            for shard in shards:
                there = step.reread.get(shard, {})
                self.settled += len(self._tasks[shard]) - len(there)
                self._tasks[shard] = there
        self._moved += step.moved
        self._undone |= {shard: set(self._tasks[shard]) for shard in shards}
        await self._finish([shard for shard in shards if not self._tasks[shard]])
        return [task for shard in shards for task in self._tasks[shard].values()]

    async def _finish(self, shards: Collection[str]) -> None:
        self._close(shards)
        if shards:
            await off_loop(self._give_back, shards)

    def _give_back(self, shards: Iterable[str]) -> None:
        for shard in shards:
            self.leases.finish(shard, "" if shard in self._cut else self._work[shard])

    def _close(self, shards: Iterable[str]) -> None:
        for shard in shards:
            self._open.pop(shard, None)
            self._undone.pop(shard, None)


class _Step(NamedTuple, Generic[T]):
    """The result of claiming shards: the claimed shards, the tasks that are not done by shard and unit (if they were
    read again), and the units whose calls were taken over."""

    taken: Taken
    reread: dict[str, dict[str, T]] | None
    moved: list[str]


def _by_shard(units: Mapping[str, V]) -> dict[str, dict[str, V]]:
    found: dict[str, dict[str, V]] = {}
    for unit, value in units.items():
        found.setdefault(shard_of(unit), {})[unit] = value
    return found
