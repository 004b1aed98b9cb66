"""Compares methods on the same problems, as `redraft evaluate` does.

    from redraft.flows.evaluate import evaluate
    found = asyncio.run(evaluate(strategies=["correct feedback=none", "best_of_n"], limit=20))

Every method is a job of `generate`, so stored drafts are not sampled again. The baseline of each method is a vote of as
many independent drafts as the same tokens would pay for.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from redraft.agents.build import Spec
from redraft.flows.display.notebook import suited
from redraft.flows.display.progress import Progress
from redraft.flows.evaluation.checklist import check
from redraft.flows.evaluation.evaluation import Evaluation
from redraft.flows.evaluation.measure import measured
from redraft.flows.evaluation.method import Method, method
from redraft.flows.evaluation.runs import Runs
from redraft.flows.filters.held_out import trained_on
from redraft.flows.generation.job import Settings, problems
from redraft.llm.model import Model
from redraft.store.errors import PartError, SourceError
from redraft.store.records import Problem
from redraft.store.sources.splits import is_training
from redraft.store.tables.opening import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


async def evaluate(
    source: str | Path | Iterable[Problem] | Sequence[str | Path] = "builtin",
    *,
    strategies: Spec | Method | Sequence[Spec | Method] = ("correct",),
    models: str | Model | Sequence[str | Model] = ("embedded",),
    db: str | Path | Store = "redraft.duckdb",
    settings: Settings = Settings(samples=4),  # noqa: B008 - frozen
    baseline: int = 64,
    limit: int | None = None,
    question_column: str | None = None,
    answer_column: str | None = None,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> Evaluation:
    """Compares every strategy on every model, on the same problems, with self-consistency at the same number of tokens.

    `source` may be several, and `limit` holds for each. "builtin" is the held-out split unless it names the other.
    Problems that an export of this store contains are left out and counted.

    A strategy is a text such as "correct feedback=none turns=3", which may set `grader`, `critic` and `samples` too, or
    the factory of an own strategy. One strategy or model may stand without a list. `settings` are all other arguments
    of `generate`. Their `samples` are the trajectories per problem of strategies that work in turns, and the drafts
    among which the other strategies choose. Their `budget` holds for everything together. Self-consistency samples at
    most `baseline` drafts per problem; 0 leaves it out.

    `progress` is as in `generate`. Raises what `generate` raises, PartError if two methods are the same, and
    SourceError if no problem is left.
    """
    reporter = suited(progress)
    strategies = [strategies] if isinstance(strategies, str | Method) or callable(strategies) else strategies
    models = [models] if isinstance(models, str) or not isinstance(models, Sequence) else models
    methods = [method(strategy) for strategy in strategies]
    if doubled := [one.label for place, one in enumerate(methods) if one in methods[:place]]:
        raise PartError(f"strategy {doubled[0]!r} is named twice: name each once")
    columns: dict[str, Any] = {"question_column": question_column, "answer_column": answer_column}
    parts = _sources(source)
    taken: set[str] = set()
    async with opened(db, waiting=reporter.say) as store:
        known = await off_loop(trained_on, store)

        def fit(problem: Problem) -> bool:
            if known.why(problem.question, problem.problem_id) is None:
                return True
            taken.add(problem.problem_id)
            return False

        draw = partial(problems, limit=limit, skip_bad=skip_bad, split="heldout", fit=fit, **columns)
        found = [draw(part, reporter) for part in parts]
        if taken and not any(found):
            raise SourceError(
                f"every problem is in a dataset that was exported from {store.path}: name problems that no model is"
                " trained on, or another store with --db"
            )
        task = _tasks(parts, found)
        named = ", ".join(str(part) for part in parts if isinstance(part, str | Path)) or "given in Python"
        drawn = list({one.problem_id: one for part in found for one in part}.values())
        runs = Runs(drawn, settings, store, reporter, named)
        runs.check(methods)
        method_runs = [await runs.method(one, model) for model in models for one in methods]
        ended = [one for one in method_runs if one is not None]
        sampled = await runs.baselines(ended, baseline) if baseline else {}
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
    given = list(source)
    names = [one for one in given if isinstance(one, str | Path)]
    return [*names] if names else [[one for one in given if isinstance(one, Problem)]]


def _tasks(parts: Sequence[str | Path | list[Problem]], found: Sequence[Sequence[Problem]]) -> dict[str, str]:
    """The task of each problem: the source that it names, or the given source if several of them name the same."""
    named = Counter(source for part in found for source in {one.source for one in part})
    tasks: dict[str, str] = {}
    for given, part in zip(parts, found, strict=True):
        shared = any(named[one.source] > 1 for one in part)
        for one in part:
            tasks.setdefault(one.problem_id, str(given) if shared else one.source)
    return tasks
