"""A run of `generate`: it finds the problems that are not done in the store, and solves them."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

from redraft.agents.agent import Agent
from redraft.agents.build import build
from redraft.agents.validation import is_shipped
from redraft.flows.display.progress import Plan, Progress
from redraft.flows.generation.recipe import recipe
from redraft.flows.generation.run_config import run_config
from redraft.flows.generation.solve_problem import MEASURES, Solver, SolvingTask
from redraft.flows.generation.strategy import find_strategy
from redraft.flows.settings import BUILD_SETTINGS, Settings, plain
from redraft.flows.units.budget import plain_budget
from redraft.flows.units.stage_job import BudgetScope, StageJob, opened_model
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.client.client import Client
from redraft.llm.model import Model, ModelError
from redraft.store.errors import PartError
from redraft.store.problems import Keyring, Problem
from redraft.store.tables.store import Store
from redraft.store.trajectory import Trajectory
from redraft.store.unit import Done, key_hash, unit_id


class Job(StageJob[SolvingTask]):
    """The job of solving problems. `source` names in the run's record where the problems come from. With `again`,
    problems that are done are replayed too, from the store. Raises PartError and ModelError."""

    def __init__(
        self,
        problems: Sequence[Problem],
        settings: Settings,
        store: Store,
        progress: Progress,
        *,
        source: str = "given in Python",
        again: bool = False,
        scope: BudgetScope = BudgetScope.PROCESS,
    ) -> None:
        if given := [name for name in BUILD_SETTINGS if name in settings.arguments]:
            raise PartError(f"{given[0]!r} is an option of its own: give it as --{given[0]}, not by --set")
        self.problems = {problem.problem_id: problem for problem in problems}
        self.settings, self.strategy = settings, find_strategy(settings.strategy)
        self._source, self._again = source, again
        model = opened_model(settings, batches=settings.batch)
        name = recipe(
            Client(model, sampling=settings.sampling, prompts=settings.prompts),
            self.strategy,
            grader=settings.grader,
            critic=settings.critic,
            arguments=settings.arguments,
            measures=MEASURES,
            problem_budget=plain_budget(settings.problem_budget),
            sandbox=settings.sandbox,
        )
        if settings.batch:
            model = _batch_model(model, settings, store, name)
        closes = isinstance(settings.model, str)
        super().__init__(settings, name, model, store, progress, scope=scope, closes_model=closes)

    def packed(self) -> tuple[Any, ...]:
        return list(self.problems.values()), plain(Settings, self.settings)

    def unit(self, problem: Problem) -> str:
        """Returns the id of this job's unit of work for a problem."""
        return unit_id(self.recipe, problem.problem_id, self.settings.replicate)

    def units(self) -> Mapping[str, str]:
        samples = self.settings.samples
        return {self.unit(problem): f"{samples} {key_hash(problem)}" for problem in self.problems.values()}

    def todo(self) -> list[SolvingTask]:
        return self._tasks(self.store.done(self.recipe, self.settings.replicate))

    def record(self) -> str:
        self.store.add(list(self.problems.values()))
        config = run_config(self.settings, self.strategy) | {"source": self._source}
        return self.store.start_run("generate", self.recipe, self.strategy.identity, self.model.name, config)

    def plan(self, run_id: str, todo: Sequence[SolvingTask]) -> Plan:
        total, strategy = len(self.problems), self.strategy
        samples = self.settings.samples if strategy.takes("samples") else None
        return Plan(run_id, total, total - len(todo), samples, strategy.identity, self.model.name, self.store.path)

    def worker(self) -> Solver:
        keys, sandbox = Keyring(), Sandbox(kind=self.settings.sandbox)
        agent = cache(partial(self._agent, keys, sandbox))
        agent(self.settings.samples)
        say = (lambda text: None) if is_shipped(self.strategy.factory) else self.progress.say
        return Solver(agent, keys, self.client, sandbox, strategy=self.strategy.name, say=say)

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

    def _most_at_once(self) -> int:
        return BATCHED_WINDOW if self.settings.batch else self.settings.concurrency

    def _tasks(self, done: Mapping[str, Done]) -> list[SolvingTask]:
        """Returns tasks for the problems that are new, that failed, whose known answer has changed, or that have fewer
        samples than the settings require. Extra samples of a problem are kept."""
        wanted, tasks = self.settings.samples, []
        for problem in self.problems.values():
            old = done.get(problem.problem_id)
            if old is None:
                tasks.append(SolvingTask(problem, self.unit(problem), 1, wanted))
            elif self._again or old.status != "done" or old.key_hash != key_hash(problem) or old.samples < wanted:
                samples = max(wanted, old.samples)
                tasks.append(SolvingTask(problem, self.unit(problem), old.attempt + 1, samples))
        return tasks


def _batch_model(model: Model, settings: Settings, store: Store, recipe: str) -> Model:
    """Returns the model with its calls in the provider's batches. A file beside the journal records the batches."""
    from redraft.llm.providers.batch.model import BatchModel

    path = store.journal_path(recipe)
    if path is None:
        raise ModelError("Batches outlive a process.", cure="Name a file with --db to remember them.", fatal=True)
    batched = BatchModel(model, path.with_suffix(".batches"))
    batched.prices = settings.prices or batched.prices
    return batched


BATCHED_WINDOW = 10_000
"""The number of problems that are solved concurrently if calls are sent in batches."""
