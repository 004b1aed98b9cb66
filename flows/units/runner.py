"""Runs the units of work of a run, stores and reports each unit, and records the end of the run."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from redraft.flows.display.progress import Progress
from redraft.flows.units.gc_pause import rare_collections
from redraft.flows.units.leases import LeasedTasks, ListedTasks, Task
from redraft.flows.units.pool import for_each
from redraft.flows.units.shutdown import short_shutdown
from redraft.llm.client.client import Client
from redraft.store.errors import RedraftError
from redraft.store.journal import Journal
from redraft.store.tables.store import Store
from redraft.store.tables.writer import Writer
from redraft.store.trajectory import Grade, Trajectory
from redraft.store.unit import Rewrite, Unit
from redraft.store.waiting import off_loop


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a unit. `status` is `done`, `failed` or `cut`. `key_hash` is a hash of the data with which the unit
    was graded, such as the known answer. `judged` has the stored drafts that `grades` are about. `rewrites` are the
    questions that were made from the unit's problem."""

    status: str
    samples: int
    key_hash: str
    trajectories: tuple[Trajectory, ...] = ()
    grades: tuple[Grade, ...] = ()
    judged: tuple[Trajectory, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()


T = TypeVar("T", bound=Task)
T_in = TypeVar("T_in", bound=Task, contravariant=True)


class Worker(Protocol[T_in]):
    """The part of a stage that does the work of its units."""

    async def prepare(self, tasks: Sequence[T_in]) -> None:
        """Reads the stored data that these tasks need."""
        ...

    async def work(self, task: T_in) -> Outcome:
        """Does one task. Raises RedraftError for an error that every other task would meet too."""
        ...

    async def close(self) -> None:
        """Closes the worker's resources. `close` is called at the end of every run, even of a run that failed."""
        ...


class UnitRunner(Generic[T]):
    """Runs the tasks of one run. If the budget of the `client` is used up, no further task begins."""

    def __init__(
        self,
        worker: Worker[T],
        client: Client,
        *,
        store: Store,
        journal: Journal,
        progress: Progress,
        run_id: str,
        recipe: str,
        replicate: str,
        ends_run: bool = True,
    ) -> None:
        self._worker, self._client = worker, client
        self._store, self._journal, self._progress = store, journal, progress
        self._run_id, self._recipe, self._replicate = run_id, recipe, replicate
        self._ends_run = ends_run  # False if several processes share the run
        self._writer = Writer(store, journal)
        self._running: set[asyncio.Task[None]] = set()
        self._losses = 0  # how many times this process lost its leases

    async def run(self, tasks: Sequence[T] | LeasedTasks[T], window: Callable[[], int]) -> None:
        """Does every task, `window()` tasks at a time. At the end, even after an error, the finished units are stored,
        and the run's status is recorded in the store and reported to the progress."""
        with rare_collections():
            if isinstance(tasks, LeasedTasks):
                with self._watched(tasks) as may_publish:
                    self._writer = Writer(self._store, self._journal, may_publish=may_publish, published=tasks.stored)
                    await self._run(tasks, window)
            else:
                await self._run(ListedTasks(tasks), window)

    @contextmanager
    def _watched(self, tasks: LeasedTasks[T]) -> Iterator[Callable[[], bool]]:
        """Yields a function that returns True if this process still has its leases. After they are lost, its results
        are dropped."""
        loop, leases = asyncio.get_running_loop(), tasks.leases

        def lose(worker: str) -> None:
            if tasks.lose(worker):
                self._losses += 1
                self._writer.drop_waiting()
                for task in self._running:
                    task.cancel()
                self._progress.say(SLEPT)

        def on_lost(worker: str) -> None:
            loop.call_soon_threadsafe(lose, worker)

        def may_publish() -> bool:
            worker = leases.worker
            held = leases.are_held()
            if not held:
                on_lost(worker)
            return held

        leases.on_lost = on_lost
        try:
            yield may_publish
        finally:
            leases.on_lost = lambda worker: None

    async def _run(self, tasks: LeasedTasks[T] | ListedTasks[T], window: Callable[[], int]) -> None:
        status, facts = "failed", dict[str, Any]()
        try:
            while True:
                await for_each(self._prepared(tasks), partial(self._do, tasks), window)
                await self._writer.close()
                if self._client.exhausted or tasks.are_done:
                    break
            status = "budget" if self._client.exhausted else "finished"
            facts = {"reason": self._client.exhausted} if self._client.exhausted else {}
        except asyncio.CancelledError:
            status = "interrupted"
            raise
        except Exception as error:
            facts = {"reason": str(error)}
            raise
        finally:
            try:
                async with short_shutdown(status, self._store, self._progress.say):
                    try:
                        await self._writer.close()
                    except Exception as error:  # the run ends with an error if its last units cannot be stored
                        status = "failed"
                        with suppress(RedraftError):  # the same fault may prevent recording the run's end
                            await self._end(status, {"reason": str(error)})
                        raise
                    await self._end(status, facts)
            finally:
                self._progress.end(status)
                await self._worker.close()

    async def _end(self, status: str, facts: dict[str, Any]) -> None:
        if self._ends_run:
            await off_loop(self._store.end_run, self._run_id, status, facts)

    async def _prepared(self, tasks: LeasedTasks[T] | ListedTasks[T]) -> AsyncIterator[T]:
        """Yields the tasks. Before a task is yielded, its stored answers are loaded and the worker is prepared."""
        async for batch in tasks.batches(lambda: self._client.exhausted is not None):
            self._writer.add_stale(tasks.take_moved())
            again = [task.unit for task in batch if task.attempt > 1]
            for call, choices in await off_loop(self._store.answers, again) if again else ():
                self._journal.preload(call, choices)
            await self._worker.prepare(batch)
            for task in batch:
                yield task
        self._writer.add_stale([*tasks.take_moved(), *await off_loop(tasks.leftovers)])

    async def _do(self, tasks: LeasedTasks[T] | ListedTasks[T], task: T) -> None:
        if self._client.exhausted or not tasks.has(task):
            return
        losses, this = self._losses, asyncio.current_task()
        assert this
        self._running.add(this)
        try:
            unit = await self._unit(task)
            if losses == self._losses:
                await self._writer.put(unit)
                self._client.release(task.unit)
                self._progress.unit(task.problem, unit)
        finally:
            self._running.discard(this)

    async def _unit(self, task: T) -> Unit:
        started = datetime.now(UTC)
        outcome = await self._worker.work(task)
        return Unit(
            unit_id=task.unit,
            run_id=self._run_id,
            recipe=self._recipe,
            problem_id=task.problem.problem_id,
            replicate=self._replicate,
            attempt=task.attempt,
            samples=outcome.samples,
            status=outcome.status,
            trajectories=outcome.trajectories,
            grades=outcome.grades,
            calls=tuple(self._journal.calls(task.unit)),
            started_at=started,
            finished_at=datetime.now(UTC),
            key_hash=outcome.key_hash,
            prompts=self._journal.prompts(task.unit),
            judged=outcome.judged,
            rewrites=outcome.rewrites,
        )


SLEPT = "this process was stopped for longer than its leases lasted: other workers may have taken over its problems"
