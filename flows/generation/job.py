"""A run of `generate` in its parts: what it was asked for, what that makes of the store, and the running of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

from redraft.agents.agent import Agent
from redraft.agents.build import Spec, build
from redraft.flows.display.progress import Plan, Progress
from redraft.flows.generation.recipe import identity, name, parts, recipe, takes
from redraft.flows.generation.unit_runner import MEASURES, Solving, Work
from redraft.llm.client.budget import Budget
from redraft.llm.client.client import Client
from redraft.llm.limits import Limits
from redraft.llm.model import Model, ModelError, Sampling
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.route import route
from redraft.llm.providers.shared.redaction import address
from redraft.llm.truncation import NAMES, Truncation
from redraft.llm.usage import Prices
from redraft.store.errors import PartError, SourceError
from redraft.store.journal import Journal
from redraft.store.records import Keyring, Problem, Trajectory
from redraft.store.sources.sources import read
from redraft.store.tables.store import Store
from redraft.store.units import Done, key_hash, unit_id
from redraft.store.waiting import off_loop

BUILTIN_LIMIT = 40
"""Problems that are taken of the built-in source, which never ends, where no limit is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How problems are to be solved. See `generate`."""

    model: str | Model = "embedded"
    api_base: str | Sequence[str] | None = None
    strategy: Spec = "correct"
    grader: Spec | None = None
    critic: Spec | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    samples: int = 8
    temperature: float = 1.0
    max_tokens: int = 1024
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int = 0
    replicate: str = ""
    concurrency: int = 64
    limits: Limits = field(default_factory=Limits)
    budget: Budget = field(default_factory=Budget)
    problem_budget: Budget = field(default_factory=Budget)
    prices: Prices | None = None
    prompts: Prompts = field(default_factory=Prompts)
    batch: bool = False

    @property
    def sampling(self) -> Sampling:
        truncation = Truncation(self.top_p, self.top_k, self.min_p)
        return Sampling(self.temperature, self.max_tokens, self.seed, truncation)

    def plain(self) -> dict[str, Any]:
        """Everything as JSON data, as it is kept in `runs.config`: parts by their names, addresses without secrets."""
        given = {key: identity(getattr(self, key)) for key in ("strategy", "grader", "critic")}
        arguments = {key: plain_argument(key, value) for key, value in self.arguments.items()}
        chosen = parts(self.strategy, {**self.arguments, "grader": self.grader})
        budgets = {key: budget(getattr(self, key)) for key in ("budget", "problem_budget")}
        listed = [self.api_base] if isinstance(self.api_base, str) else self.api_base or ()
        place = {"api_base": ",".join(map(address, listed)) or None}
        return {
            **given,
            **chosen,
            "arguments": arguments,
            **budgets,
            **place,
            **{key: getattr(self, key) for key in PLAIN},
        }


class Job:
    """Problems and settings, with the model open. `run` does what is missing; `close` lets go.

    Raises PartError and ModelError.
    """

    def __init__(self, problems: Sequence[Problem], settings: Settings, store: Store, progress: Progress) -> None:
        if given := [option for option in OPTIONS if option in settings.arguments]:
            raise PartError(f"{given[0]!r} is an option of its own: give it as --{given[0]}, not by --set")
        self.problems = {problem.problem_id: problem for problem in problems}
        self.settings, self.store, self.progress = settings, store, progress
        self.model = self._routed()
        self.recipe = recipe(
            Client(self.model, sampling=settings.sampling, prompts=settings.prompts),
            settings.strategy,
            grader=settings.grader,
            critic=settings.critic,
            arguments=settings.arguments,
            measures=MEASURES,
            problem_budget=budget(settings.problem_budget),
        )
        self.journal = Journal(store.journal_path(self.recipe), claim=False)
        if settings.batch:
            self.model = self._batched()
        self.client = Client(
            self.model,
            journal=self.journal,
            sampling=settings.sampling,
            limits=replace(settings.limits, concurrency=settings.concurrency),
            run_budget=settings.budget,
            problem_budget=settings.problem_budget,
            say=progress.say,
            prompts=settings.prompts,
        )

    def unit(self, problem: Problem) -> str:
        """The unit of work that this job makes of a problem."""
        return unit_id(self.recipe, problem.problem_id, self.settings.replicate)

    async def run(self, source: str, *, again: bool = False) -> str:
        """Solves what is not done yet, and returns the run's id; `again` replays what is done too, from the store.
        Raises JournalBusy if another run is at work on the same problems, StoreError, PartError, fatal ModelErrors."""
        settings, store, keys = self.settings, self.store, Keyring()
        agent = cache(partial(self._agent, keys))
        agent(settings.samples)  # a mistake in the settings is told before anything is done
        strategy, config = identity(settings.strategy) or "", settings.plain() | {"source": source}
        run_id, work = await off_loop(self._begun, strategy, config, again)
        total = len(self.problems)
        samples = settings.samples if takes(settings.strategy, "samples") else None
        self.progress.begin(Plan(run_id, total, total - len(work), samples, strategy, self.model.name, store.path))
        solving = Solving(
            agent,
            keys,
            self.client,
            strategy=name(settings.strategy),
            store=store,
            journal=self.journal,
            progress=self.progress,
            run_id=run_id,
            recipe=self.recipe,
            replicate=settings.replicate,
        )
        await solving.all(work, window=GATHERED if settings.batch else settings.concurrency)
        return run_id

    async def close(self) -> None:
        """Lets go of the journal, and of the models that were not given."""
        await off_loop(self.journal.close)
        await self.client.close_others()
        if isinstance(self.settings.model, str):
            await self.model.close()

    def _routed(self) -> Model:
        """The model, at the prices that are given."""
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

    def _batched(self) -> Model:
        """The model, asked by its provider's batches, which are remembered beside the journal."""
        from redraft.llm.providers.batch.model import Batched

        path = self.store.journal_path(self.recipe)
        if path is None:
            raise ModelError("Batches outlive a process.", cure="Name a file with --db to remember them.", fatal=True)
        model = Batched(self.model, path.with_suffix(".batches"))
        model.prices = self.settings.prices or model.prices
        return model

    def _agent(self, keys: Keyring, samples: int) -> Agent:
        settings = self.settings
        return build(
            settings.strategy,
            self.client,
            keys=keys,
            grader=settings.grader,
            critic=settings.critic,
            samples=samples,
            watch=self._watch,
            **settings.arguments,
        )

    def _watch(self, path: Trajectory) -> None:
        self.progress.draft(self.problems[path.question.problem_id], path)

    def _begun(self, strategy: str, config: Mapping[str, Any], again: bool) -> tuple[str, list[Work]]:
        """The id of a run that begins, and what it has to do. Nobody else publishes between its look at the store and
        its claim, so that no unit is done twice."""
        with self.store.held():
            work = self._todo(self.store.done(self.recipe, self.settings.replicate), again)
            self.journal.claim([one.unit for one in work], also=map(self.unit, self.problems.values()))
            self.store.add(list(self.problems.values()))
            return self.store.start_run("generate", self.recipe, strategy, self.model.name, config), work

    def _todo(self, done: Mapping[str, Done], again: bool) -> list[Work]:
        """The problems that are new, failed, were judged by another key, or have fewer samples than are wanted now.
        None loses samples that it has."""
        wanted, work = self.settings.samples, []
        for problem in self.problems.values():
            old = done.get(problem.problem_id)
            if old is None:
                work.append(Work(problem, self.unit(problem), 1, wanted))
            elif again or old.status != "done" or old.key_hash != key_hash(problem) or old.samples < wanted:
                work.append(Work(problem, self.unit(problem), old.attempt + 1, max(wanted, old.samples)))
        return work


def problems(
    source: str | Path | Iterable[Problem],
    progress: Progress,
    *,
    limit: int | None = None,
    question_column: str | None = None,
    answer_column: str | None = None,
    skip_bad: bool = False,
    split: str = "train",
    fit: Callable[[Problem], bool] = lambda problem: True,
) -> list[Problem]:
    """All problems of a source that are `fit`, or the first `limit` of them, read before the first is asked, so that a
    bad row costs nothing. `split` is the one that is drawn of the built-in problems if the source names none. Raises
    SourceError."""
    if not isinstance(source, str | Path):
        return list(islice(filter(fit, source), limit))
    builtin = str(source).partition(":")[0] == "builtin"
    if limit is None and builtin:
        limit = BUILTIN_LIMIT
    bad: list[SourceError] = []
    named = split if builtin else None
    found = read(source, question=question_column, answer=answer_column, split=named, skip_bad=skip_bad, bad=bad.append)
    found = list(islice(filter(fit, found), limit))
    for error in bad[:MOST_TOLD]:
        progress.say(f"left out: {error}")
    if len(bad) > MOST_TOLD:
        progress.say(f"left out: {len(bad) - MOST_TOLD} more bad rows")
    if found and all(problem.answer is None for problem in found):
        progress.say("no problem has a known answer: where a column holds it, name that with --answer-column")
    return found


def plain_argument(key: str, value: Any) -> str | None:
    """An argument as text; an address without secrets."""
    if key.endswith(".api_base"):
        return ",".join(map(address, [value] if isinstance(value, str) else value))
    return identity(value)


def budget(given: Budget) -> dict[str, float]:
    """A budget's limits by name, those that there are."""
    return {name: most for name, most in asdict(given).items() if most is not None}


OPTIONS = ("grader", "critic", "samples")
GATHERED = 10_000
"""Problems that are solved at once where calls are gathered into batches."""

PLAIN = ("samples", "temperature", "max_tokens", *NAMES, "seed", "replicate", "concurrency", "batch")
MOST_TOLD = 5
