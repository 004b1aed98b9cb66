"""Writes finished units to the store in batches, while the run continues."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

from redraft.store.errors import StoreHeld
from redraft.store.journal import Journal
from redraft.store.tables.store import Store
from redraft.store.unit import Unit
from redraft.store.waiting import off_loop

REST = 20  # the pause after a publication, as a multiple of its processor time, since publishing slows running calls
PATIENCE = 2.0  # seconds that `put` waits at most while the queue is full, so that a store in use does not stop the run
HELD_S = 1.0  # seconds until the next try, if other code in this process has the store open


class Writer:
    """Publishes finished units every `seconds`, and whenever `batch` units are waiting; then removes them from the
    journal. The writer publishes less often if publishing would take more than a twentieth of a processor's time.
    Publishing runs in a thread, so if another process has the store open, the batch waits and the run continues.

    If the store raises an error, for example because the disk is full, the next `put` and `close` raise it; the journal
    still has the units. If other code in this process has the store open, the batch also waits, and only `close` raises
    an error.

    `may_publish` is called in the thread while no other process can write to the store. If it returns False, the units
    now belong to another worker, and the writer drops them. `published` is called with each batch after it was added to
    the store.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        *,
        seconds: float = 1.0,
        batch: int = 250,
        may_publish: Callable[[], bool] | None = None,
        published: Callable[[Sequence[Unit]], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._journal = journal
        self._may_publish, self._published = may_publish, published
        self._seconds = seconds
        self._batch = batch
        self._rest = 0.0  # seconds
        self._waiting: list[Unit] = []
        self._hurry = asyncio.Event()
        self._room = asyncio.Event()
        self._closing = False
        self._noted = False  # whether a message has said that other code in this process has the store open
        self._task: asyncio.Task[None] | None = None
        self._stale = journal.units()

    async def put(self, unit: Unit) -> None:
        """Adds a finished unit. Raises StoreError if an earlier batch could not be published."""
        self._waiting.append(unit)
        if len(self._waiting) >= self._batch:
            self._hurry.set()
        if self._task is None:
            self._task = asyncio.create_task(self._publish_all())
        elif self._task.done():
            self._task.result()
            self._task = asyncio.create_task(self._publish_all())
        if len(self._waiting) > self._batch:
            self._room.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), PATIENCE)

    def add_stale(self, units: Iterable[str]) -> None:
        """Adds units that have calls in the journal, but may already be in the store."""
        self._stale += units

    def drop_waiting(self) -> None:
        """Drops the waiting units, because they now belong to another worker."""
        self._waiting.clear()
        self._stale = []
        self._room.set()

    async def close(self) -> None:
        """Publishes the waiting units, and returns when they are in the store. If `close` is cancelled, unpublished
        units are kept in the journal. More units may be added after `close`. Raises StoreError."""
        self._closing = True
        self._hurry.set()
        if self._task is not None:
            await self._task
        if self._waiting or self._stale:
            await self._publish_all()
        self._closing = False

    async def _publish_all(self) -> None:
        while self._waiting or self._stale:
            await self._pause()
            try:
                await self._drop_stale()
                await self._publish()
            except StoreHeld as error:
                if self._closing:
                    raise
                if not self._noted:
                    self._store.say(str(error))
                self._noted = True
                await asyncio.sleep(HELD_S)

    async def _pause(self) -> None:
        if len(self._waiting) < self._batch and not self._closing:
            self._hurry.clear()
            try:
                await asyncio.wait_for(self._hurry.wait(), max(self._seconds, self._rest))
            except TimeoutError:
                return

    async def _publish(self) -> None:
        most = 2 * self._batch if self._closing else self._batch  # publishing a few units takes almost as long
        units, self._waiting = self._waiting[:most], self._waiting[most:]
        if len(self._waiting) <= self._batch:
            self._room.set()
        if not units:
            return
        try:
            seconds = await off_loop(_publish_timed, self._store, units, self._may_publish)
        except StoreHeld:
            self._waiting[:0] = units
            raise
        if seconds is None:
            return
        self._rest = REST * seconds
        self._journal.forget(unit.unit_id for unit in units)
        if self._published:
            await self._published(units)

    async def _drop_stale(self) -> None:
        """Removes calls from the journal that are already in the store. A process that was killed after publishing
        leaves such calls."""
        if self._stale:
            stale, self._stale = self._stale, []
            for call, choices in await off_loop(self._store.calls, stale):
                self._journal.preload(call, choices)
            self._journal.let_go()


def _publish_timed(store: Store, units: Sequence[Unit], may_publish: Callable[[], bool] | None) -> float | None:
    """Publishes the units, and returns the processor time that this took, in seconds. Returns None if `may_publish`
    returned False."""
    start = time.thread_time()
    if may_publish is None:
        store.publish(units)
        return time.thread_time() - start
    with store.held():
        if not may_publish():
            return None
        store.publish(units)
    return time.thread_time() - start
