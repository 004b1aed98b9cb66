"""A run of `generate`: it finds the problems that are not done in the store, and solves them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial

from redraft.agents.agent import Agent
from redraft.agents.build import build
from redraft.agents.validation import is_shipped
from redraft.flows.display.progress import Plan, Progress
from redraft.flows.generation.recipe import recipe
from redraft.flows.generation.run_config import plain_budget, run_config
from redraft.flows.generation.solve_problem import MEASURES, Solver, SolvingTask
from redraft.flows.generation.strategy import find_strategy
from redraft.flows.settings import BUILD_SETTINGS, Settings
from redraft.flows.units.leases import LeasedTasks
from redraft.flows.units.runner import UnitRunner
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.client.client import Client
from redraft.llm.model import Model, ModelError
from redraft.llm.providers.route import route
from redraft.store.digest import digest
from redraft.store.errors import PartError, plural
from redraft.store.journal import Journal
from redraft.store.leases.leases import Alone, Leases
from redraft.store.leases.slices import Slices
from redraft.store.problems import Keyring, Problem
from redraft.store.tables.store import Store
from redraft.store.trajectory import Trajectory
from redraft.store.unit import Done, key_hash, unit_id
from redraft.store.waiting import off_loop


class Job:
    """Problems and settings, with an open model. `run` solves the problems that are not done; `close` closes the model.

    With `shares_budget`, the budget applies to all workers and all executions of the job together, until the job has
    ended. Raises PartError and ModelError.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        settings: Settings,
        store: Store,
        progress: Progress,
        *,
        shares_budget: bool = False,
    ) -> None:
        if given := [name for name in BUILD_SETTINGS if name in settings.arguments]:
            raise PartError(f"{given[0]!r} is an option of its own: give it as --{given[0]}, not by --set")
        self.problems = {problem.problem_id: problem for problem in problems}
        self.settings, self.store, self.progress = settings, store, progress
        self.strategy = find_strategy(settings.strategy)
        self.model = self._route()
        self.recipe = recipe(
            Client(self.model, sampling=settings.sampling, prompts=settings.prompts),
            self.strategy,
            grader=settings.grader,
            critic=settings.critic,
            arguments=settings.arguments,
            measures=MEASURES,
            problem_budget=plain_budget(settings.problem_budget),
            sandbox=settings.sandbox,
        )
        self.journal = Journal(store.journal_path(self.recipe), claim=False)
        folder = store.leases_path(self.recipe)
        self.leases = Leases(folder, settings.replicate) if folder else Alone()
        self.slices: Slices | None = None
        if folder and settings.budget and shares_budget:
            place = folder.with_name(f"{self.recipe}-{digest(settings.replicate)}.budget")
            self.slices = Slices(place, plain_budget(replace(settings.budget, seconds=None)), self.leases)
        if settings.batch:
            self.model = self._batch_model()
        self.client = Client(
            self.model,
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

    def unit(self, problem: Problem) -> str:
        """Returns the id of this job's unit of work for a problem."""
        return unit_id(self.recipe, problem.problem_id, self.settings.replicate)

    async def run(self, source: str, *, again: bool = False, of_run: str | None = None) -> str:
        """Solves the problems that are not done yet, and returns the run's id. Problems that other workers have leased
        are left to them; the run ends when they are done too. With `again`, problems that are done are replayed from
        the store. `of_run` is the id of a run that another process has begun and will end. Raises JournalBusy if a run
        of an older version, which has no leases, works on the same problems. Raises StoreError, PartError, and fatal
        ModelErrors."""
        settings, strategy, keys = self.settings, self.strategy, Keyring()
        sandbox = Sandbox(kind=settings.sandbox)
        agent = cache(partial(self._agent, keys, sandbox))
        agent(settings.samples)  # reports mistakes in the settings before the run begins
        await off_loop(self.leases.join)
        await self.client.begin()
        run_id, found = await off_loop(self._start, source, again, of_run)
        self.progress.begin(self._plan(run_id, len(found)))
        tasks = LeasedTasks(
            found,
            {self.unit(problem): f"{settings.samples} {key_hash(problem)}" for problem in self.problems.values()},
            again=partial(self._not_done, again),
            leases=self.leases,
            journal=self.journal,
            window=self._window,
        )
        runner = UnitRunner(
            Solver(
                agent,
                keys,
                self.client,
                sandbox,
                strategy=strategy.name,
                say=(lambda text: None) if is_shipped(strategy.factory) else self.progress.say,
            ),
            self.client,
            store=self.store,
            journal=self.journal,
            progress=self.progress,
            run_id=run_id,
            recipe=self.recipe,
            replicate=settings.replicate,
            ends_run=of_run is None,
        )
        try:
            await runner.run(tasks, self._window)
        finally:
            await self.client.end()
        if of_run is None:
            await off_loop(self.end_budget)
        if tasks.settled and of_run is None:
            self.progress.say(f"{plural(tasks.settled, 'problem')} of these were solved by other workers meanwhile")
        return run_id

    async def begin(self, source: str) -> Plan:
        """Validates the settings, records the start of a run whose work other processes do, and returns its plan.
        Raises StoreError and PartError."""
        self._agent(Keyring(), Sandbox(kind=self.settings.sandbox), self.settings.samples)
        run_id, found = await off_loop(self._start, source, False, None)
        return self._plan(run_id, len(found))

    def end_budget(self) -> None:
        """Records that the run has ended without being stopped, so that the next run has the whole budget. Does nothing
        if another worker is still at work."""
        if self.slices and not self.leases.living() - {self.leases.worker}:
            self.slices.remove()

    async def close(self) -> None:
        """Closes the journal, ends the leases, and closes the models that the job opened. A model that the caller
        passed is not closed."""
        await off_loop(self.journal.close)
        await self.client.close_others()
        await off_loop(self.leases.leave)
        if isinstance(self.settings.model, str):
            await self.model.close()

    def _route(self) -> Model:
        """Returns the model, with the prices in the settings."""
        settings = self.settings
        if not isinstance(settings.model, str):
            return settings.model
        limits = replace(settings.limits, concurrency=settings.concurrency)
        model = route(
            settings.model,
            settings.api_base,
            limits=limits,
            chat_template=settings.prompts.chat,
            batches=settings.batch,
        )
        model.prices = settings.prices or model.prices
        return model

    def _batch_model(self) -> Model:
        """Returns a model that sends calls in the provider's batches. A file next to the journal records the
        batches."""
        from redraft.llm.providers.batch.model import BatchModel

        path = self.store.journal_path(self.recipe)
        if path is None:
            raise ModelError("Batches outlive a process.", cure="Name a file with --db to remember them.", fatal=True)
        model = BatchModel(self.model, path.with_suffix(".batches"))
        model.prices = self.settings.prices or model.prices
        return model

    def _agent(self, keys: Keyring, sandbox: Sandbox, samples: int) -> Agent:
        settings = self.settings
        return build(
            self.strategy.factory,
            self.client,
            keys=keys,
            grader=settings.grader,
            critic=settings.critic,
            samples=samples,
            watch=self._watch,
            sandbox=sandbox,
            **settings.arguments,
        )

    def _watch(self, trajectory: Trajectory) -> None:
        self.progress.draft(self.problems[trajectory.question.problem_id], trajectory)

    def _window(self) -> int:
        """Returns the number of problems that this worker solves concurrently. If there are other workers, it is this
        worker's share."""
        most = BATCHED_WINDOW if self.settings.batch else self.settings.concurrency
        return math.ceil(most / self.leases.workers)

    def _plan(self, run_id: str, todo: int) -> Plan:
        total, strategy = len(self.problems), self.strategy
        samples = self.settings.samples if strategy.takes("samples") else None
        return Plan(run_id, total, total - todo, samples, strategy.identity, self.model.name, self.store.path)

    def _start(self, source: str, again: bool, of_run: str | None) -> tuple[str, list[SolvingTask]]:
        """Starts a run, unless `of_run` is given. Returns a pair of the run's id and the tasks that are not done."""
        if of_run is not None:
            return of_run, self._not_done(again)
        with self.store.held():
            tasks = self._not_done(again)
            self.store.add(list(self.problems.values()))
            config = run_config(self.settings, self.strategy) | {"source": source}
            name, model = self.strategy.identity, self.model.name
            return self.store.start_run("generate", self.recipe, name, model, config), tasks

    def _not_done(self, again: bool) -> list[SolvingTask]:
        return self._tasks(self.store.done(self.recipe, self.settings.replicate), again)

    def _tasks(self, done: Mapping[str, Done], again: bool) -> list[SolvingTask]:
        """Returns tasks for the problems that are new, that failed, whose known answer has changed, or that have fewer
        samples than the settings require. Extra samples of a problem are kept."""
        wanted, tasks = self.settings.samples, []
        for problem in self.problems.values():
            old = done.get(problem.problem_id)
            if old is None:
                tasks.append(SolvingTask(problem, self.unit(problem), 1, wanted))
            elif again or old.status != "done" or old.key_hash != key_hash(problem) or old.samples < wanted:
                samples = max(wanted, old.samples)
                tasks.append(SolvingTask(problem, self.unit(problem), old.attempt + 1, samples))
        return tasks


BATCHED_WINDOW = 10_000
"""The number of problems that are solved concurrently if calls are sent in batches."""
