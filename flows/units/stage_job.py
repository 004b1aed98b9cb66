"""A run of a stage over its units of work. One process does it by `run`, or several share it (`flows/fleet`)."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, Generic, TypeVar

from redraft.flows.display.progress import Plan, Progress
from redraft.flows.settings import ModelSettings
from redraft.flows.units.budget import is_remainder, plain_budget
from redraft.flows.units.leases import LeasedTasks, Task
from redraft.flows.units.runner import UnitRunner, Worker
from redraft.llm.client.client import Client
from redraft.llm.model import Model
from redraft.llm.providers.route import route
from redraft.store.digest import digest
from redraft.store.errors import plural
from redraft.store.journal import Journal
from redraft.store.leases.leases import Alone, Leases
from redraft.store.leases.slices import BUDGET, Slices
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop

T = TypeVar("T", bound=Task)


class BudgetScope(StrEnum):
    """Who shares the budget of a run: nobody; the workers of this run; or its workers and all further executions of the
    same work, until one has ended."""

    PROCESS = "process"
    RUN = "run"
    LASTING = "lasting"


def budget_scope(workers: int) -> BudgetScope:
    """Returns who shares the budget of a run with so many workers: its further executions too, unless the budget is the
    rest of another one."""
    if not is_remainder.get():
        return BudgetScope.LASTING
    return BudgetScope.RUN if workers > 1 else BudgetScope.PROCESS


class StageJob(ABC, Generic[T]):
    """The units of work of a stage, with an open model. `run` does the units that are not done; `close` ends what the
    job has opened, and the model if `closes_model`. Another process makes the same job from its class and `packed`.
    `common` is its settings. Raises PartError and ModelError.
    """

    noun = "problem"
    """What the units are called."""

    def __init__(
        self,
        settings: ModelSettings,
        recipe: str,
        model: Model,
        store: Store,
        progress: Progress,
        *,
        scope: BudgetScope,
        closes_model: bool,
    ) -> None:
        self.recipe, self.model, self.store, self.progress = recipe, model, store, progress
        self.common, self._scope, self._closes_model = settings, scope, closes_model
        self.journal = Journal(store.journal_path(recipe), claim=False)
        folder = store.leases_path(recipe)
        self.leases = Leases(folder, settings.replicate) if folder else Alone()
        self.slices: Slices | None = None
        if folder and settings.budget and scope is not BudgetScope.PROCESS:
            place = folder.with_name(f"{recipe}-{digest(settings.replicate)}{BUDGET}")
            self.slices = Slices(place, plain_budget(replace(settings.budget, seconds=None)), self.leases)
        self.client = Client(
            model,
            journal=self.journal,
            sampling=settings.sampling,
            limits=replace(settings.limits, concurrency=settings.concurrency),
            run_budget=settings.budget,
            problem_budget=settings.problem_budget,
            say=progress.say,
            prompts=settings.prompts,
            share=lambda: 1 / self.leases.workers,
            slices=self.slices,
        )

    @abstractmethod
    def packed(self) -> tuple[Any, ...]:
        """Returns the arguments with which another process makes this job, before the store and the progress."""

    @abstractmethod
    def units(self) -> Mapping[str, str]:
        """Returns all units of the run, each with a digest of the work that is wanted."""

    @abstractmethod
    def todo(self) -> Sequence[T]:
        """Reads which units are not done. It runs in a thread."""

    @abstractmethod
    def record(self) -> str:
        """Records in the store that a run begins, and returns its id. It runs in a thread that holds the store."""

    @abstractmethod
    def plan(self, run_id: str, todo: Sequence[T]) -> Plan:
        """Returns the plan of a run in which these units are not done."""

    @abstractmethod
    def worker(self) -> Worker[T]:
        """Returns what does a unit. Raises PartError for a mistake in the settings."""

    async def run(self, run_id: str | None = None, *, ends_run: bool = True) -> str:
        """Does the units that are not done yet, and returns the run's id. Units that other workers have leased are
        theirs; the run ends when they are done too. `run_id` is a run that was begun; another process ends it, unless
        `ends_run`. Raises JournalBusy if a run that knows no leases works on the same units, StoreError, PartError, and
        fatal ModelErrors."""
        worker = self.worker()  # finds mistakes in the settings before the run begins
        try:
            await off_loop(self.leases.join)
            await self.client.begin()
            run_id, found = await off_loop(self._start, run_id)
        except BaseException:
            await worker.close()
            raise
        self.progress.begin(self.plan(run_id, found))
        tasks = LeasedTasks(
            found, self.units, again=self.todo, leases=self.leases, journal=self.journal, window=self._window
        )
        runner = UnitRunner(
            worker,
            self.client,
            store=self.store,
            journal=self.journal,
            progress=self.progress,
            run_id=run_id,
            recipe=self.recipe,
            replicate=self.common.replicate,
            ends_run=ends_run,
        )
        try:
            await runner.run(tasks, self._window)
        finally:
            await self.client.end()
        if ends_run:
            await off_loop(self.end_budget)
            if tasks.settled:
                self.progress.say(f"{plural(tasks.settled, self.noun)} of these were done by other workers meanwhile")
        return run_id

    async def begin(self) -> Plan:
        """Begins a run that worker processes do, after a check of the settings, and returns its plan. Raises
        StoreError and PartError."""
        await self.worker().close()
        if self._scope is BudgetScope.RUN:
            await off_loop(self.end_budget)
        run_id, found = await off_loop(self._start, None)
        return self.plan(run_id, found)

    def end_budget(self) -> None:
        """Notes that the run has ended and was not stopped, unless another worker is still at work: the next run has
        the whole budget."""
        if self.slices and not self.leases.living() - {self.leases.worker}:
            self.slices.remove()

    async def close(self) -> None:
        """Closes the journal, ends the leases, and closes the models that the job opened."""
        await off_loop(self.journal.close)
        await self.client.close_others()
        if self._scope is BudgetScope.RUN:
            await off_loop(self.end_budget)
        await off_loop(self.leases.leave)
        if self._closes_model:
            await self.model.close()

    def _window(self) -> int:
        """Returns the number of units that this worker does at once: its share, if other workers are there."""
        return math.ceil(self._most_at_once() / self.leases.workers)

    def _most_at_once(self) -> int:
        return self.common.concurrency

    def _start(self, run_id: str | None) -> tuple[str, Sequence[T]]:
        """Begins a run, unless it was begun. Returns its id, and the tasks that are not done."""
        if run_id is not None:
            return run_id, self.todo()
        with self.store.held():
            tasks = self.todo()
            return self.record(), tasks


def opened_model(settings: ModelSettings, *, batches: bool = False) -> Model:
    """Returns the model of the settings, with their prices."""
    model = settings.model
    if isinstance(model, str):
        limits = replace(settings.limits, concurrency=settings.concurrency)
        chat = settings.prompts.chat
        model = route(model, settings.api_base, limits=limits, chat_template=chat, batches=batches)
    model.prices = settings.prices or model.prices
    return model
