"""Makes new questions from old ones, and tests each of them. A plain async function without Prefect.

from redraft.flows.augment import augment
found = asyncio.run(augment("builtin", methods=["rephrase", "fobar"], limit=20))
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from redraft.agents.build import Spec
from redraft.flows.augmentation.augmentation_job import AugmentationJob, method_name
from redraft.flows.augmentation.result import AugmentResult, MethodResult, read_method
from redraft.flows.augmentation.selection import find_method, left_out, split_arguments
from redraft.flows.display.notebook import suited
from redraft.flows.display.progress import Progress
from redraft.flows.fleet.worker_command import Fleet, fleet_of, run_job
from redraft.flows.generation.problems import problems, say_untrained
from redraft.flows.settings import DB, AugmentSettings, Selection, WorkerSettings, plain
from redraft.flows.settings_validation import takes
from redraft.flows.units.budget import RemainingBudget
from redraft.flows.units.stage_job import budget_scope, opened_model
from redraft.llm.client.budget import BudgetTooSmall
from redraft.llm.limits import Budget
from redraft.llm.model import ModelError
from redraft.llm.usage import Amount
from redraft.store.errors import PartError
from redraft.store.problems import Problem
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


@dataclass(frozen=True, kw_only=True)
class AugmentArguments(AugmentSettings, Selection, WorkerSettings):
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

    `workers`, `progress`, `budget` and `source` are as in `generate`. Raises SettingsError, StoreError, SourceError,
    PartError, and ModelError if the model can't be used at all.
    """
    progress = suited(given.progress)
    specs, own, _ = split_arguments(given.methods, given.arguments)
    named = {method_name(spec): spec for spec in specs}
    chosen = {name: find_method(spec, own[name]) for name, spec in named.items()}
    found = problems(given.source, progress, given, db=given.db)
    source = str(given.source) if isinstance(given.source, str | Path) else "given in Python"
    async with opened(given.db, waiting=progress.say) as store:
        result, settings = AugmentResult(store.path), plain(AugmentSettings, given)
        model = opened_model(given)
        try:
            worded, are_named = tuple(given.prompts.templates), given.methods is not None
            for method, reason in left_out([*chosen.values()], model, found, worded, named=are_named):
                if are_named and not given.skip_impossible:
                    raise PartError(f"method {method.name!r} is not possible: {reason}")
                del chosen[method.name]
                result.left_out[method.name] = reason
            if not chosen:
                raise PartError(f"no method is possible: {_omitted(result.left_out)}")
            if result.left_out:
                progress.say(f"left out: {_omitted(result.left_out)}")
            say_untrained(model, found, progress)
            budget, used = RemainingBudget(given.budget), Amount()
            async with fleet_of(given.workers, progress) as fleet:
                for spec in [named[name] for name in chosen]:
                    if result.spent:
                        break

                    async def made(left: Budget, spec: Spec = spec) -> _Made:
                        job = AugmentationJob(
                            found,
                            replace(settings, budget=left),
                            spec,
                            store,
                            progress,
                            model=model,
                            source=source,
                            scope=budget_scope(given.workers),
                        )
                        return await _made(job, fleet)

                    try:
                        one = await budget.spend(made)
                    except ModelError as error:
                        used.add(error.used or Amount())
                        error.used = used
                        if not isinstance(error, BudgetTooSmall) or used == Amount():
                            raise
                        result.spent = f"The run's budget of {given.budget} is used up."
                        break
                    used.add(one.used)
                    result.methods.append(one.result)
                    result.spent = one.spent
            result.used = used if given.budget else None
            return result
        finally:
            if isinstance(given.model, str):
                await model.close()


class _Made(NamedTuple):
    """The result of one method, a sentence about the budget that is used up, and what was used of it."""

    result: MethodResult
    spent: str | None
    used: Amount


async def _made(job: AugmentationJob, fleet: Fleet | None) -> _Made:
    try:
        ended = await run_job(job, fleet)
    finally:
        await job.close()
    found = await off_loop(read_method, job.store, ended.run_id, job.method.name, job.recipe, job.known)
    return _Made(found, ended.spent, ended.used)


def _omitted(left_out: dict[str, str]) -> str:
    reasons: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        reasons.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items())
