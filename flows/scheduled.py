"""The stages as Prefect flows of the same names: with schedules, retries, a dashboard, and an artifact with the
summary.

A task solves a shard of the problems, in the event loop of the flow. Prefect's cache is not used, because the store
records what is done. A repeated flow run continues where the last one ended. `prefect deploy --all` deploys the flows
(see prefect.yaml), which Prefect finds by module names, such as `redraft.flows.scheduled.nightly`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from inspect import signature
from typing import Any

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from redraft.flows.annotate import annotate as annotate_stage
from redraft.flows.annotation.result import Annotation, sum_of_tries
from redraft.flows.augment import augment as augment_stage
from redraft.flows.augmentation.result import AugmentResult, sum_of_augment_tries
from redraft.flows.deployment import parameters
from redraft.flows.deployment.flow import Logged, ended, located, noted, stage, too_few, tried
from redraft.flows.export import EmptyExport, parts
from redraft.flows.export import export as export_stage
from redraft.flows.filter import DatasetResult
from redraft.flows.filter import filter as filter_stage
from redraft.flows.generate import generate as generate_stage
from redraft.flows.generation.problems import problems
from redraft.flows.self_train import self_train as self_train_stage
from redraft.flows.self_training.result import SelfTraining
from redraft.flows.settings import Selection
from redraft.flows.summary.report import markdown
from redraft.flows.summary.summary import Summary
from redraft.flows.summary.summary_reader import summarise
from redraft.flows.units.budget import RemainingBudget
from redraft.llm.client.budget import BudgetTooSmall
from redraft.store.errors import plural
from redraft.store.problems import Problem
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop

SHARD = 500  # the number of problems per task


@stage(parameters.Generate)
async def generate(given: parameters.Generate) -> State[dict[str, Any]]:
    """Solves problems, and grades and stores every draft. The flow run fails if a trajectory or the stage failed, or if
    a threshold is not met. A retried run continues where it ended."""
    summary = await _generated(given)
    return ended(_told(summary), asdict(summary), *_wrong(summary, given))


@stage(parameters.Augment)
async def augment(given: parameters.Augment) -> State[dict[str, Any]]:
    """Makes new questions from old ones, tests each, and stores them. The flow run fails if a call or the stage failed,
    or if a threshold is not met. A retried run continues where it ended."""
    found = await _augmented(given)
    told = str(found)
    await noted(told, key="redraft-augment", description=f"from {given.source}")
    few = too_few("accepted", found.accepted, "min_accepted", given.min_accepted)
    return ended(told, asdict(found), _unmade(found), few)


@stage(parameters.Annotate)
async def annotate(given: parameters.Annotate) -> State[dict[str, Any]]:
    """Grades the stored drafts that match `where` and that this grader has not graded yet, so a scheduled run grades
    only new drafts. The flow run fails if a call or the stage failed, or if a threshold is not met. A retried run
    continues where it ended."""
    found = await _annotated(given)
    told = str(found)
    await noted(f"{told}.", key="redraft-annotation", description=f"grader {found.grader}")
    return ended(
        told,
        asdict(found),
        _spoilt(found),
        too_few("drafts judged", found.drafts, "min_new", given.min_new),
        too_few("drafts with a value", found.values, "min_values", given.min_values),
    )


@stage(parameters.SelfTrain)
async def self_train(given: parameters.SelfTrain) -> State[dict[str, Any]]:
    """Trains a model on its own judged drafts, in rounds. The flow run fails if the stage failed, if its budget is used
    up before the last round, or if a threshold is not met. A retried run continues where it ended."""
    found = await _self_trained(given)
    await noted(str(found), key="redraft-self-train", description=f"method {found.method}")
    gain = found.rounds[-1].gain.mean if found.rounds else None
    small = given.min_gain is not None and (gain is None or gain < given.min_gain)
    reasons = (found.spent, f"Too small a gain: {gain}, and min_gain is {given.min_gain}" if small else None)
    return ended(found.one_line(), json.loads(found.to_json()), *reasons)


@stage(parameters.Filter)
async def filter(given: parameters.Filter) -> State[dict[str, Any]]:
    """Passes every stored trajectory through filters, and records which trajectories were dropped and why."""

    found = await tried("filter", given, lambda: filter_stage(**_settings(given, filter_stage)))
    return ended(found.one_line(), asdict(found), too_few("kept", found.kept, "min_kept", given.min_kept))


@stage(parameters.Export)
async def export(given: parameters.Export) -> State[dict[str, Any]]:
    """Writes the trajectories that the filters keep to a file. An existing file is replaced."""
    found = await _exported(given, given.arguments)
    return ended(found.one_line(), asdict(found), too_few("kept", found.kept, "min_kept", given.min_kept))


@stage(parameters.Nightly)
async def nightly(given: parameters.Nightly) -> State[dict[str, Any]]:
    """Draws one more replicate of the problems, and exports all trajectories of the store that the filters keep."""
    parts(
        **{**_settings(given, parts), "arguments": given.export_arguments}
    )  # wrong arguments are found before a model is paid
    summary = await _generated(given)
    found = await _exported(given, given.export_arguments)
    get_run_logger().info(found.one_line())
    kept = f"{found.kept:,} kept in {found.file}" if found.file else "0 kept"
    facts = asdict(summary) | {"export": asdict(found)}
    few = too_few("kept", found.kept, "min_kept", given.min_kept)
    return ended(_told(summary, kept), facts, *_wrong(summary, given), few)


def scheduled_date() -> str:
    """Returns the date in UTC for which this flow run was scheduled, such as 2026-11-22."""
    return f"{flow_run.get_scheduled_start_time():%Y-%m-%d}"


async def _generated(given: parameters.Generate) -> Summary:
    """Runs the shards one after the other until the budget is used up. Returns the summary of all shards, and creates
    an artifact with it."""
    budget = RemainingBudget(given.structured()["budget"])
    replicate = given.replicate or scheduled_date()
    settings = {**_settings(given, generate_stage), **await located(given), "replicate": replicate}
    found = problems(given.source, Logged(), Selection(**_settings(given, Selection)), db=dict(given)["db"])
    parts: list[Summary] = []

    async def shard(these: Sequence[Problem]) -> Summary:
        named = {"source": these, "source_name": given.source, "progress": Logged()}
        parts.append(await budget.spend(lambda left: generate_stage(**{**settings, **named, "budget": left})))
        return parts[-1]

    spent = False
    for start in range(0, len(found), SHARD):
        if spent := bool(parts) and (budget.used_up or bool(parts[-1].spent)):
            break
        try:
            await tried("generate", given, partial(shard, found[start : start + SHARD]), _failures)
        except BudgetTooSmall:  # less than one more call costs
            if not parts:
                raise
            spent = True
            break
    spent = spent or bool(parts[-1].spent)
    alone = len(parts) == 1 and len(found) == parts[0].problems
    whole = parts[0] if alone else await off_loop(_joined, found, parts, replicate)
    if spent:
        whole = replace(whole, spent=f"The flow run's budget of {budget.whole} is used up.")
    await noted(markdown(whole), key="redraft-summary", description=f"replicate {replicate}")
    return whole


async def _augmented(given: parameters.Augment) -> AugmentResult:
    """Makes the new questions, retrying if needed. Returns the counts of all tries together."""
    budget = RemainingBudget(given.structured()["budget"])
    settings = {**_settings(given, augment_stage), **await located(given), "progress": Logged()}
    parts: list[AugmentResult] = []

    async def work() -> AugmentResult:
        parts.append(await budget.spend(lambda left: augment_stage(**{**settings, "budget": left})))
        return parts[-1]

    try:
        await tried("augment", given, work, _unmade)
    except BudgetTooSmall:  # less than one more call costs
        if not parts:
            raise
    return sum_of_augment_tries(parts)


async def _annotated(given: parameters.Annotate) -> Annotation:
    """Grades the drafts, retrying if needed. Returns the counts of all tries together."""
    budget = RemainingBudget(given.structured()["budget"])
    settings = {**_settings(given, annotate_stage), **await located(given), "progress": Logged()}
    parts: list[Annotation] = []

    async def work() -> Annotation:
        parts.append(await budget.spend(lambda left: annotate_stage(**{**settings, "budget": left})))
        return parts[-1]

    try:
        await tried("annotate", given, work, _spoilt)
    except BudgetTooSmall:  # less than one more call costs
        if not parts:
            raise
    return sum_of_tries(parts)


async def _self_trained(given: parameters.SelfTrain) -> SelfTraining:
    """Runs the rounds of self-training, retrying if needed. Each retry continues where the try before ended."""
    budget = RemainingBudget(given.structured()["budget"])
    settings = {**_settings(given, self_train_stage), **await located(given), "progress": Logged()}

    async def work() -> SelfTraining:
        return await budget.spend(lambda left: self_train_stage(**{**settings, "budget": left}))

    return await tried("self-train", given, work)


async def _exported(given: parameters.Written, arguments: Mapping[str, Any] | None) -> DatasetResult:
    settings = {**_settings(given, export_stage), "arguments": arguments, "overwrite": True}

    async def work() -> DatasetResult:
        try:
            return await export_stage(**settings)
        except EmptyExport as error:  # `min_kept` decides whether this is a failure
            return error.result

    return await tried("export", given, work)


def _settings(given: parameters.Stored, stage: Callable[..., Any]) -> dict[str, Any]:
    """Returns the parameters of a flow that a stage takes as arguments. A parameter that is None is left out, so that
    the stage's default applies."""
    taken = signature(stage).parameters
    plain = {name: value for name, value in given if name in taken and value is not None}
    return {**plain, **(given.structured() if isinstance(given, parameters.Model) and "limits" in taken else {})}


def _joined(found: Sequence[Problem], parts: Sequence[Summary], replicate: str) -> Summary:
    """Returns one summary over all problems. Its numbers of new trajectories and its cost are sums over all shards and
    tries."""
    last, ids = parts[-1], [problem.problem_id for problem in found]
    whole = summarise(Store(last.db), last.run_id, recipe=last.recipe, replicate=replicate, problems=ids)
    costs = [part.cost_usd for part in parts if part.cost_usd is not None]
    return replace(
        whole,
        new=sum(part.new for part in parts),
        tokens=sum(part.tokens for part in parts),
        prompt_tokens=sum(part.prompt_tokens for part in parts),
        calls=sum(part.calls for part in parts),
        seconds=sum(part.seconds for part in parts),
        cost_usd=sum(costs) if costs else None,
    )


def _told(summary: Summary, kept: str = "") -> str:
    """Returns the result of a flow run as one line."""
    told = summary.one_line() + (f"; {kept}" if kept else "")
    return f"{told}. {summary.spent}" if summary.spent else told


def _wrong(summary: Summary, given: parameters.Generate) -> tuple[str | None, ...]:
    """Returns the reasons why a flow run fails: failed trajectories, and thresholds that are not met. A check that
    passed has None."""
    return (
        _failures(summary),
        too_few("right", summary.right, "min_right", given.min_right),
        too_few("new", summary.new, "min_new", given.min_new),
    )


def _failures(summary: Summary) -> str | None:
    reasons = "; ".join(f"{count} x {reason}" for reason, count in summary.failures.items())
    return f"{plural(summary.failed, 'trajectory')} failed: {reasons}" if summary.failed else None


def _unmade(found: AugmentResult) -> str | None:
    return f"failed calls spoilt {plural(found.failed, 'problem')}" if found.failed else None


def _spoilt(found: Annotation) -> str | None:
    return f"failed calls spoilt {found.failed} problems' grades" if found.failed else None
