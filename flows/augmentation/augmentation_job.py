"""A run of one method of `augment`: the problems that it makes new questions from."""

from collections.abc import Mapping, Sequence
from typing import Any

from redraft.agents.build import Spec, build
from redraft.flows.augmentation.augment_problem import Rewriter, RewritingTask
from redraft.flows.augmentation.selection import find_method, split_arguments
from redraft.flows.display.progress import Plan, Progress
from redraft.flows.generation.recipe import recipe
from redraft.flows.generation.run_config import plain_argument
from redraft.flows.generation.strategy import find_strategy
from redraft.flows.settings import AugmentSettings, plain
from redraft.flows.units.budget import plain_budget
from redraft.flows.units.stage_job import BudgetScope, StageJob, opened_model
from redraft.graders.answers.checker import Checker
from redraft.graders.likelihood import likelihood
from redraft.graders.oracle import oracle
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.client.client import Client
from redraft.llm.model import Model
from redraft.store.digest import digest
from redraft.store.plugins.discovery import load
from redraft.store.problems import Keyring, Problem
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store
from redraft.store.unit import key_hash


class AugmentationJob(StageJob[RewritingTask]):
    """The job of one method, whose `spec` is among the methods of the settings. The job closes the model, unless it is
    given. `source` names in the run's record where the problems come from. `known` counts the problems that were done
    before the run."""

    def __init__(
        self,
        problems: Sequence[Problem],
        settings: AugmentSettings,
        spec: Spec,
        store: Store,
        progress: Progress,
        *,
        model: Model | None = None,
        source: str = "given in Python",
        scope: BudgetScope = BudgetScope.PROCESS,
    ) -> None:
        self.problems = {problem.problem_id: problem for problem in problems}
        self.settings, self.known = settings, 0
        self._spec, self._source = spec, source
        self.strategy = find_strategy(settings.strategy)
        _, own, self._arguments = split_arguments(settings.methods, settings.arguments)
        self.method = find_method(spec, own[method_name(spec)])
        closes = model is None and isinstance(settings.model, str)
        model = model or opened_model(settings)
        client = Client(model, sampling=settings.sampling, prompts=settings.prompts)
        base = recipe(
            client,
            self.strategy,
            grader=None,
            critic=None,
            arguments=self._arguments,
            measures=("augment",),
            problem_budget=plain_budget(settings.problem_budget),
            sandbox=settings.sandbox,
        )
        name = self.method.recipe(base, settings.samples, client.template)
        super().__init__(settings, name, model, store, progress, scope=scope, closes_model=closes)

    def packed(self) -> tuple[Any, ...]:
        return list(self.problems.values()), plain(AugmentSettings, self.settings), self._spec

    def units(self) -> Mapping[str, str]:
        return {self._unit(problem): key_hash(problem) for problem in self.problems.values()}

    def todo(self) -> list[RewritingTask]:
        done = {unit: facts for unit, *facts in self.store.query(DONE.format(recipe=literal(self.recipe))).rows}
        tasks = []
        for problem in self.problems.values():
            unit = self._unit(problem)
            attempt, status, key = done.get(unit, (0, "", ""))
            if status != "done" or key != key_hash(problem):
                tasks.append(RewritingTask(problem, unit, attempt + 1))
        return tasks

    def record(self) -> str:
        settings = self.settings
        self.store.add(list(self.problems.values()))
        config = {
            "method": self.method.name,
            "arguments": {key: plain_argument(key, value) for key, value in settings.arguments.items()},
            "answers": self.strategy.name,
            "samples": settings.samples,
            "source": self._source,
        }
        return self.store.start_run("augment", self.recipe, self.method.name, self.model.name, config)

    def plan(self, run_id: str, todo: Sequence[RewritingTask]) -> Plan:
        total = len(self.problems)
        self.known = total - len(todo)
        samples = self.settings.samples if self.strategy.takes("samples") else None
        return Plan(run_id, total, self.known, samples, self.method.name, self.model.name, self.store.path)

    def worker(self) -> Rewriter:
        sandbox, keys, settings = Sandbox(kind=self.settings.sandbox), Keyring(), self.settings
        checker = Checker(sandbox=sandbox)
        offered = {"samples": settings.samples} if self.strategy.takes("samples") else {}
        agent = build(
            self.strategy.factory, self.client, checker=checker, sandbox=sandbox, **offered, **self._arguments
        )
        graders = (oracle(keys, checker=checker, client=self.client), likelihood("mean", by_steps=False))
        return Rewriter(self.method, self.client, agent, graders, keys, settings.samples, closes=(checker, sandbox))

    def _unit(self, problem: Problem) -> str:
        return digest("augmentation", self.recipe, problem.problem_id, self.settings.replicate)


def method_name(spec: Spec) -> str:
    """Returns the name of a method. Raises PartError."""
    return load(spec, "augmentation").__name__


DONE = """
SELECT unit_id, max(attempt), arg_max(status, attempt), arg_max(key_hash, attempt) FROM raw.commits
WHERE recipe = {recipe} GROUP BY unit_id"""
