"""Makes new questions from old ones, and tests each of them. A plain async function without Prefect.

from redraft.flows.augment import augment
found = asyncio.run(augment("builtin", methods=["rephrase", "fobar"], limit=20))
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from redraft.agents.build import build
from redraft.flows.augmentation.augment_problem import Rewriter, RewritingTask
from redraft.flows.augmentation.result import AugmentResult, MethodResult
from redraft.flows.augmentation.selection import Method, find_method, left_out, split_arguments
from redraft.flows.display.notebook import suited
from redraft.flows.display.progress import Plan, Progress
from redraft.flows.generation.problems import problems, say_untrained
from redraft.flows.generation.recipe import recipe
from redraft.flows.generation.run_config import plain_argument, plain_budget
from redraft.flows.generation.strategy import find_strategy
from redraft.flows.settings import DB, AugmentSettings, Selection
from redraft.flows.settings_validation import takes
from redraft.flows.units.runner import UnitRunner
from redraft.graders.answers.checker import Checker
from redraft.graders.likelihood import likelihood
from redraft.graders.oracle import oracle
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.llm.model import Model, ModelError
from redraft.llm.providers.route import route
from redraft.llm.usage import Amount
from redraft.store.digest import digest
from redraft.store.errors import PartError
from redraft.store.journal import Journal
from redraft.store.plugins.discovery import load
from redraft.store.problems import Keyring, Problem
from redraft.store.tables.sql import literal
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.unit import key_hash
from redraft.store.waiting import off_loop


@dataclass(frozen=True, kw_only=True)
class AugmentArguments(AugmentSettings, Selection):
    """The arguments of `augment`."""

    source: str | Path | Iterable[Problem] = field(default="builtin", kw_only=False)
    db: str | Path | Store = DB
    progress: Progress | None = None


@takes(AugmentArguments)
async def augment(given: AugmentArguments) -> AugmentResult:
    """Makes new questions from every problem of `source`, tests each by sampled answers, stores them, and returns the
    counts. The table `problems` gets the accepted questions, with `parent_id` and `augmentation`. The view `rewrites`
    has all questions, with the reason if one was refused. The answers to accepted questions are stored as trajectories.

    `methods` are the augmentations; None means all that the model can do. With `skip_impossible`, named methods that
    the model can't do are left out too. `strategy` answers new questions, and `samples` is the number of its answers to
    each question. `arguments` are the arguments of methods, such as {"rephrase.rewrites": 2}, and of the strategy. A
    problem that the same method has rewritten with the same settings and `replicate` is not rewritten again, unless its
    known answer has changed. A problem with a failed call is tried again; calls that were answered are not repeated.

    `progress`, `budget` and `source` are as in `generate`. Raises SettingsError, StoreError, SourceError, PartError,
    and ModelError if the model can't be used at all.
    """
    progress = suited(given.progress)
    specs, own, rest = split_arguments(given.methods, given.arguments)
    chosen = {method.name: method for method in (find_method(spec, own[_name(spec)]) for spec in specs)}
    found = problems(given.source, progress, given, db=given.db)
    async with opened(given.db, waiting=progress.say) as store:
        model = _model(given)
        try:
            run = _Run(given, rest, found, store, model, progress)
            worded, named = tuple(given.prompts.templates), given.methods is not None
            for method, reason in left_out([*chosen.values()], model, found, worded, named=named):
                if named and not given.skip_impossible:
                    raise PartError(f"method {method.name!r} is not possible: {reason}")
                del chosen[method.name]
                run.result.left_out[method.name] = reason
            if not chosen:
                raise PartError(f"no method is possible: {_omitted(run.result.left_out)}")
            if run.result.left_out:
                progress.say(f"left out: {_omitted(run.result.left_out)}")
            say_untrained(model, found, progress)
            for method in chosen.values():
                if run.result.spent:
                    break
                await run.do(method)
            return run.result
        finally:
            if isinstance(given.model, str):
                await model.close()


class _Run:
    """A run of `augment` over its problems. Its methods are run one by one with `do`, and share the budget of the
    run."""

    def __init__(
        self,
        given: AugmentArguments,
        arguments: dict[str, Any],
        found: list[Problem],
        store: Store,
        model: Model,
        progress: Progress,
    ) -> None:
        self.given, self.arguments, self.store, self.progress = given, arguments, store, progress
        self.problems = {problem.problem_id: problem for problem in found}
        self.model, self.strategy = model, find_strategy(given.strategy)
        self.result = AugmentResult(store.path)
        self._left, self._used = given.budget, Amount()

    async def do(self, method: Method) -> None:
        """Makes the new questions of one method. Raises JournalBusy if another run uses the same recipe, StoreError,
        PartError, and fatal ModelErrors."""
        given, begun = self.given, time.monotonic()
        name = self._recipe(method)
        journal = Journal(self.store.journal_path(name), claim=False)
        client = self._client(journal, self._left)
        sandbox = Sandbox(kind=given.sandbox)
        checker, keys = Checker(sandbox=sandbox), Keyring()
        try:
            offered = {"samples": given.samples} if self.strategy.takes("samples") else {}
            agent = build(self.strategy.factory, client, checker=checker, sandbox=sandbox, **offered, **self.arguments)
            run_id, tasks = await off_loop(self._begin, method, name, journal)
            result = MethodResult(method.name, run_id, known=len(self.problems) - len(tasks), recipe=name)
            self.result.methods.append(result)
            graders = (oracle(keys, checker=checker, client=client), likelihood("mean", by_steps=False))
            self.progress.begin(self._plan(run_id, method, len(tasks)))
            runner = UnitRunner(
                Rewriter(method, client, agent, graders, keys, given.samples, result),
                client,
                store=self.store,
                journal=journal,
                progress=self.progress,
                run_id=run_id,
                recipe=name,
                replicate=given.replicate,
            )
            await runner.run(tasks, lambda: given.concurrency)
        except ModelError as error:
            error.used = self._used if given.budget else None
            raise
        finally:
            self._used.add(client.used)
            self._left = self._left.minus(client.used, time.monotonic() - begun)
            self.result.spent, self.result.used = client.exhausted, self._used if given.budget else None
            await off_loop(journal.close)
            await checker.close()
            await sandbox.close()
            await client.close_others()

    def _recipe(self, method: Method) -> str:
        given, client = self.given, self._client(None, Budget())
        base = recipe(
            client,
            self.strategy,
            grader=None,
            critic=None,
            arguments=self.arguments,
            measures=("augment",),
            problem_budget=plain_budget(given.problem_budget),
            sandbox=given.sandbox,
        )
        return method.recipe(base, given.samples, client.template)

    def _client(self, journal: Journal | None, budget: Budget) -> Client:
        given = self.given
        return Client(
            self.model,
            journal=journal,
            sampling=given.sampling,
            limits=replace(given.limits, concurrency=given.concurrency),
            run_budget=budget,
            problem_budget=given.problem_budget,
            say=self.progress.say,
            prompts=given.prompts,
        )

    def _plan(self, run_id: str, method: Method, todo: int) -> Plan:
        total = len(self.problems)
        samples = self.given.samples if self.strategy.takes("samples") else None
        return Plan(run_id, total, total - todo, samples, method.name, self.model.name, self.store.path)

    def _begin(self, method: Method, recipe: str, journal: Journal) -> tuple[str, list[RewritingTask]]:
        """Starts a run. Returns a pair of its id and its tasks. The store is locked during this time, so that no unit
        is done twice."""
        given = self.given
        units = {self._unit(recipe, problem): problem for problem in self.problems.values()}
        with self.store.held():
            done = {unit: facts for unit, *facts in self.store.query(DONE.format(recipe=literal(recipe))).rows}
            tasks = []
            for unit, problem in units.items():
                attempt, status, key = done.get(unit, (0, "", ""))
                if status != "done" or key != key_hash(problem):
                    tasks.append(RewritingTask(problem, unit, attempt + 1))
            journal.claim([task.unit for task in tasks], also=units)
            self.store.add(list(self.problems.values()))
            named = str(given.source) if isinstance(given.source, str | Path) else "given in Python"
            config = {
                "method": method.name,
                "arguments": {key: plain_argument(key, value) for key, value in given.arguments.items()},
                "answers": self.strategy.name,
                "samples": given.samples,
                "source": named,
            }
            return self.store.start_run("augment", recipe, method.name, self.model.name, config), tasks

    def _unit(self, recipe: str, problem: Problem) -> str:
        return digest("augmentation", recipe, problem.problem_id, self.given.replicate)


def _model(given: AugmentArguments) -> Model:
    """Returns the model, with the prices in the settings."""
    model = given.model
    if isinstance(model, str):
        limits = replace(given.limits, concurrency=given.concurrency)
        model = route(model, given.api_base, limits=limits, chat_template=given.prompts.chat)
    model.prices = given.prices or model.prices
    return model


def _name(spec: Any) -> str:
    return load(spec, "augmentation").__name__


def _omitted(left_out: dict[str, str]) -> str:
    reasons: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        reasons.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items())


DONE = """
SELECT unit_id, max(attempt), arg_max(status, attempt), arg_max(key_hash, attempt) FROM raw.commits
WHERE recipe = {recipe} GROUP BY unit_id"""
