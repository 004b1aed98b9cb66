"""Compares methods on the same problems, as `redraft evaluate` does.

    from redraft.flows.evaluate import evaluate
    found = asyncio.run(evaluate(strategies=["correct feedback=none", "best_of_n"], limit=20))

Every method runs through `generate`, so stored drafts are not sampled again. The baseline of each method is a vote of
independent drafts with the same total number of tokens as the method.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from redraft.flows.display.notebook import suited
from redraft.flows.display.progress import Progress
from redraft.flows.evaluation.checklist import check
from redraft.flows.evaluation.evaluation import Evaluation
from redraft.flows.evaluation.measure import measured
from redraft.flows.evaluation.method import Method, method
from redraft.flows.evaluation.run import MethodRunner
from redraft.flows.filters.sifting.held_out import trained_on
from redraft.flows.fleet.worker_command import fleet_of
from redraft.flows.generation.problems import problems
from redraft.flows.settings import DB, EvaluationSettings, WorkerSettings
from redraft.flows.settings_validation import takes
from redraft.store.errors import PartError, SourceError
from redraft.store.problems import Problem
from redraft.store.sources.split import is_training
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


@dataclass(frozen=True, kw_only=True)
class EvaluateArguments(EvaluationSettings, WorkerSettings):
    """The arguments of `evaluate`."""

    source: str | Path | Iterable[Problem] | Sequence[str | Path] = field(default="builtin", kw_only=False)
    db: str | Path | Store = DB
    progress: Progress | None = None


@takes(EvaluateArguments)
async def evaluate(given: EvaluateArguments) -> Evaluation:
    """Compares every strategy on every model with self-consistency, on the same problems and at the same number of
    tokens. Returns the comparison.

    `source` is one source or a list of sources; `limit` applies to each source. "builtin" is the held-out split, and
    "builtin:split=train" the other split. Problems that an export of this store contains are left out and counted.

    A strategy is a string such as "correct feedback=none turns=3", or the factory function of a strategy of your own.
    The string may also set `grader`, `critic` and `samples`. A single strategy or model need not be in a list.
    `settings` are all other arguments of `generate`. Their `samples` is the number of trajectories per problem for
    strategies that work in turns; for other strategies it is the number of drafts to choose from. Their `budget` is
    shared by all methods. Self-consistency samples at most `baseline` drafts per problem; with 0, there is no baseline.

    `workers` is as in `generate`; the same processes run one method after the other.

    `progress` is as in `generate`. Raises what `generate` raises, PartError if two methods are the same, and
    SourceError if no problem is left.
    """
    progress, settings = suited(given.progress), given.settings
    strategies, models = given.strategies, given.models
    strategies = [strategies] if isinstance(strategies, str | Method) or callable(strategies) else strategies
    models = [models] if isinstance(models, str) or not isinstance(models, Sequence) else models
    methods = [method(strategy) for strategy in strategies]
    if doubled := [one.label for place, one in enumerate(methods) if one in methods[:place]]:
        raise PartError(f"strategy {doubled[0]!r} is named twice: name each once")
    parts = _sources(given.source)
    taken: set[str] = set()
    async with opened(given.db, waiting=progress.say) as store:
        known = await off_loop(trained_on, store)

        def fit(problem: Problem) -> bool:
            if known.note(problem.question, problem.problem_id) is None:
                return True
            taken.add(problem.problem_id)
            return False

        found = [problems(part, progress, given, split="heldout", fit=fit) for part in parts]
        if taken and not any(found):
            raise SourceError(
                f"every problem is in a dataset that was exported from {store.path}: name problems that no model is"
                " trained on, or another store with --db"
            )
        task = _tasks(parts, found)
        named = ", ".join(str(part) for part in parts if isinstance(part, str | Path)) or "given in Python"
        drawn = list({one.problem_id: one for part in found for one in part}.values())
        async with fleet_of(given.workers, progress) as fleet:
            runs = MethodRunner(drawn, settings, store, progress, named, fleet)
            runs.check(methods)
            method_runs = [await runs.method(one, model) for model in models for one in methods]
            ended = [one for one in method_runs if one is not None]
            sampled = await runs.baselines(ended, given.baseline) if given.baseline else {}
        tasks = [task[one.problem_id] for one in drawn]
        evaluation = await off_loop(measured, ended, sampled, problems=drawn, tasks=tasks, db=store.path)
    left = [one.label for _ in models for one in methods][len(ended) :]
    common = {"temperature": settings.temperature, "concurrency": settings.concurrency, "taken": len(taken)}
    common["of_training"] = sum(is_training(problem.split) for problem in drawn)
    evaluation = replace(evaluation, spent=runs.spent, not_reached=tuple(left), **common)
    return replace(evaluation, remarks=tuple(check(evaluation)))


def _sources(
    source: str | Path | Iterable[Problem] | Sequence[str | Path],
) -> list[str | Path | list[Problem]]:
    if isinstance(source, str | Path):
        return [source]
    given: list[Any] = list(source)
    return given if given and all(isinstance(one, str | Path) for one in given) else [given]


def _tasks(parts: Sequence[str | Path | list[Problem]], found: Sequence[Sequence[Problem]]) -> dict[str, str]:
    """Returns a dict from each problem's id to its task, which is the source that the problem names. If the problems of
    several given sources name the same source, the task is the given source."""
    named = Counter(source for part in found for source in {one.source for one in part})
    tasks: dict[str, str] = {}
    for given, part in zip(parts, found, strict=True):
        shared = any(named[one.source] > 1 for one in part)
        for one in part:
            tasks.setdefault(one.problem_id, str(given) if shared else one.source)
    return tasks
