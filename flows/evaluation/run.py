"""Runs the methods of an evaluation one after the other. All of them share one budget."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from redraft.agents.build import resolve
from redraft.flows.display.progress import Progress
from redraft.flows.evaluation.history import History, history
from redraft.flows.evaluation.method import Method
from redraft.flows.evaluation.oracle_usage import Oracle, oracle
from redraft.flows.evaluation.turn import PICKS, cost_of, cost_of_all
from redraft.flows.fleet.worker_command import Fleet, run_job
from redraft.flows.generation.job import Job
from redraft.flows.settings import Settings
from redraft.flows.summary.summary import Summary
from redraft.flows.summary.summary_reader import summarise_job
from redraft.flows.units.stage_job import BudgetScope
from redraft.llm.model import Model, ModelError
from redraft.store.errors import PartError, alternatives
from redraft.store.problems import Problem
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


@dataclass(frozen=True, slots=True)
class MethodRun:
    """A method that has been run on one model, with its stored results."""

    method: Method
    model: str | Model  # the model as the caller gave it
    model_name: str
    settings: Settings
    summary: Summary
    found: History
    other_models: tuple[str, ...] = ()  # further models that the parts of the method call
    oracle: Oracle = field(default_factory=Oracle)
    pick: str = "last"  # how a method in turns picks among a trajectory's drafts

    @property
    def unpicked(self) -> bool:
        """Returns True if the method's picks are unknown, because it picks by its grader and the store lacks grades."""
        return self.method.in_turns and self.pick == "best" and not self.found.graded

    @property
    def picks(self) -> bool:
        """Returns True if a trajectory may pick another draft than its last one."""
        return self.method.in_turns and self.pick in PICKS and not self.unpicked

    @property
    def dearest(self) -> float:
        """Returns the number of tokens per problem of the method's most expensive row."""
        problems = list(self.found.paths)
        if not problems:
            return 0.0
        cost = cost_of if self.method.in_turns else cost_of_all
        return cost(self.found, problems).tokens

    def guesses(self, turn: int | None) -> int | None:
        """Returns the number of independent drafts for the control of this turn's row, which is the number of drafts
        that the oracle has compared. The turn None is the row of the pick. Returns None if no oracle decided anything,
        if the number is unknown, or if the method is itself such a control."""
        if not self.found.oracle_used or self.summary.feedback == "random":
            return None
        if not self.method.in_turns:
            return self.oracle.guesses(1)
        turns = max((len(path) for paths in self.found.paths.values() for path in paths), default=None)
        return self.oracle.guesses(turn or turns) if turns else None


class MethodRunner:
    """Runs methods on the same problems, each like a run of `generate`, with a `fleet` of workers if one is given.
    `spent` is a sentence that names the budget
    that is used up; None while budget is left."""

    def __init__(
        self,
        problems: Sequence[Problem],
        common: Settings,
        store: Store,
        progress: Progress,
        source: str,
        fleet: Fleet | None = None,
    ) -> None:
        self.problems = problems
        self.spent: str | None = None
        self._common, self._store, self._progress, self._source = common, store, progress, source
        self._fleet = fleet
        self._left = common.budget

    def check(self, methods: Sequence[Method]) -> None:
        """Raises PartError for an unknown strategy, part or argument. This check runs before any model is called."""
        for one in methods:
            given = self._settings(one, "embedded")
            known = _chosen(given)
            for name in sorted(given.arguments.keys() - known.keys()):
                raise PartError(f"no argument {name!r} of strategy {one.label!r}; {alternatives(name, sorted(known))}")

    async def method(self, given: Method, model: str | Model) -> MethodRun | None:
        """Runs one method on one model. Returns None if the budget is used up."""
        return await self._run(given, self._settings(given, model))

    async def baselines(self, ran: Sequence[MethodRun], most: int) -> dict[str, MethodRun]:
        """Samples independent drafts with each model, and returns them by the model's name. For each problem, the
        drafts cost as much as the model's most expensive method."""
        found: dict[str, MethodRun] = {}
        for model_name in dict.fromkeys(one.model_name for one in ran):
            mine = [one for one in ran if one.model_name == model_name]
            drawn = await self._sampled(mine[0].model, min(FIRST, most))
            if drawn is None:
                continue
            wanted = min(most, _wanted(mine, drawn))
            if wanted > min(drawn.found.samples.values(), default=wanted):
                more = math.ceil(wanted * 1.1)  # because the mean cost of more drafts may differ
                drawn = await self._sampled(mine[0].model, min(most, more)) or drawn
            found[model_name] = drawn
        return found

    def _settings(self, given: Method, model: str | Model) -> Settings:
        common = self._common
        return replace(
            common,
            model=model,
            strategy=given.strategy,
            grader=given.grader or common.grader,
            critic=given.critic or common.critic,
            samples=given.samples or common.samples,
            arguments={**common.arguments, **given.arguments},
        )

    def _used_up(self) -> str:
        return f"The budget of {self._common.budget} is used up."

    async def _sampled(self, model: str | Model, samples: int) -> MethodRun | None:
        plain = replace(self._common, model=model, grader=None, critic=None, arguments={}, samples=samples)
        apart = f"{self._common.replicate} sampled".strip()  # later methods may need more drafts
        return await self._run(SAMPLING, replace(plain, strategy=SAMPLING.strategy, replicate=apart))

    async def _job(self, given: Method, settings: Settings) -> Job:
        """Returns the job of a method. A strategy that picks among 8 drafts cannot reuse a stored pick among 4. If the
        store has another number of drafts, the job samples its drafts in a replicate that is named after the
        number."""
        job = self._open(replace(settings, budget=self._left))
        if given is SAMPLING or given.in_turns or not job.strategy.takes("samples"):
            return job
        done = await off_loop(self._store.done, job.recipe, settings.replicate)
        if all(done[problem].samples == settings.samples for problem in job.problems if problem in done):
            return job
        await job.close()
        apart = f"{settings.replicate} of {settings.samples}".strip()
        return self._open(replace(job.settings, replicate=apart))

    def _open(self, settings: Settings) -> Job:
        scope = BudgetScope.RUN if self._fleet else BudgetScope.PROCESS
        return Job(self.problems, settings, self._store, self._progress, source=self._source, scope=scope)

    async def _run(self, given: Method, settings: Settings) -> MethodRun | None:
        if self.spent:
            return None
        began = time.monotonic()
        job = await self._job(given, settings)
        try:
            run = await run_job(job, self._fleet)
        except ModelError as error:
            if self._left == self._common.budget or not str(error).startswith(TOO_SMALL):
                raise
            self.spent = self._used_up()  # the remaining budget does not suffice for a call
            return None
        finally:
            await job.close()
        self.spent = self._used_up() if run.spent else None
        self._left = self._left.minus(run.used, time.monotonic() - began)
        summary = await off_loop(summarise_job, job, run.run_id)
        chosen = _chosen(settings)
        found = await off_loop(self._history, given, job, chosen)
        return MethodRun(
            given,
            settings.model,
            job.model.name,
            job.settings,
            summary,
            found,
            _others(chosen, (settings.model, job.model.name)),
            oracle(settings.strategy, chosen, settings.samples),
            str(chosen.get("pick", "last")),
        )

    def _history(self, given: Method, job: Job, chosen: Mapping[str, Any]) -> History:
        """Returns the stored results of a method. A method in turns may have more stored samples than requested; only
        the first ones are used. For other methods all samples are used."""
        place = self._store, job.recipe, job.settings.replicate, list(job.problems)
        if not given.in_turns:
            return history(*place)
        alone = chosen.get("draft") is None
        return history(*place, samples=job.settings.samples, grader=_opinion(chosen), alone=alone)


def _wanted(ran: Sequence[MethodRun], drawn: MethodRun) -> int:
    """Returns the number of independent drafts per problem that these methods need for comparison. It covers the tokens
    of every method, and the number of drafts that every oracle has compared."""
    problems = list(drawn.found.paths)
    draft = cost_of(drawn.found, problems).tokens if problems else 0.0
    paid = [math.ceil(one.dearest / draft) for one in ran] if draft else []
    guesses = [most for one in ran if (most := one.guesses(None))]
    return max([1, *paid, *guesses])


def _chosen(settings: Settings) -> Mapping[str, Any]:
    """Returns every argument of the strategy and of its parts, with its value."""
    offered = {"grader": settings.grader, "critic": settings.critic, **settings.arguments}
    return resolve(settings.strategy, {key: value for key, value in offered.items() if value is not None})


def _others(chosen: Mapping[str, Any], writer: tuple[str | Model, str]) -> tuple[str, ...]:
    """Returns the names of the models that parts call, without the `writer`. `writer` is a pair of the writing model as
    the caller gave it, and its name."""
    own = {value for key, value in chosen.items() if key.endswith(".model") and value is not None} - {writer[0]}
    named = {value if isinstance(value, str) else getattr(value, "name", repr(value)) for value in own}
    return tuple(sorted(named - {writer[1]}))


def _opinion(chosen: Mapping[str, Any]) -> str | None:
    """Returns the name of the method's grader in the table of grades, or None if it is unknown."""
    grader = chosen.get("grader")
    if grader == "likelihood" and chosen.get("grader.reduce") == "sum":
        return "likelihood_sum"
    return grader if isinstance(grader, str) else None


SAMPLING = Method("self_consistency", "self_consistency")
TOO_SMALL = "The run's budget"
FIRST = 8
"""The number of drafts from which the cost per draft is estimated."""
