"""The stages as Prefect flows of the same names: schedules, retries, a dashboard and an artifact with the summary.

A task is a shard of problems and runs in the flow's own event loop. Nothing is cached by Prefect, since the store knows
what is done: a flow that is run again goes on where it was. Deploy with `prefect deploy --all` (see prefect.yaml);
flows are named to Prefect as modules, such as `redraft.flows.scheduled.nightly`.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from redraft.flows.annotate import annotate as annotate_stage
from redraft.flows.export import export as export_stage
from redraft.flows.filter import FILTERS
from redraft.flows.filter import filter as filter_stage
from redraft.flows.generate import generate as generate_stage
from redraft.flows.job import problems
from redraft.flows.outcome import outcome
from redraft.flows.progress import Lines
from redraft.flows.report import markdown
from redraft.flows.summary import Summary, summarise
from redraft.llm.budget import Amount, Budget
from redraft.llm.limits import Limits
from redraft.llm.prompts import Prompts
from redraft.llm.usage import Prices
from redraft.store.records import Problem
from redraft.store.store import Store

SHARD = 500  # problems of one task


@flow(name="generate", persist_result=False)
async def generate(
    source: str = "builtin",
    db: str = "redraft.duckdb",
    model: str = "embedded",
    api_base: str | None = None,
    strategy: str = "correct",
    grader: str | None = None,
    critic: str | None = None,
    arguments: dict[str, Any] | None = None,
    samples: int = 8,
    temperature: float = 1.0,
    max_tokens: int = 1024,
    limit: int | None = None,
    seed: int = 0,
    replicate: str | None = None,
    concurrency: int = 64,
    limits: dict[str, Any] | None = None,
    budget: dict[str, Any] | None = None,
    problem_budget: dict[str, Any] | None = None,
    prices: tuple[float, float] | None = None,
    prompts: str | None = None,
    batch: bool = False,
) -> State[dict[str, Any]]:
    """Solves problems and keeps every draft, judged. `replicate` is the date that the run was scheduled for, unless
    one is named. Failed where a trajectory failed or the stage did; the same run again goes on from there.

    `limits` are fields of llm.limits.Limits, such as {"requests_per_minute": 500}; `budget` (of the flow run) and
    `problem_budget` those of llm.budget.Budget, such as {"usd": 5}; `prices` dollars a million tokens, read and
    written; `prompts` a file."""
    settings = {
        "db": db, "model": model, "api_base": api_base, "strategy": strategy, "grader": grader, "critic": critic,
        "arguments": arguments, "samples": samples, "temperature": temperature, "max_tokens": max_tokens, "seed": seed,
        "concurrency": concurrency, "problem_budget": Budget(**problem_budget or {}), "batch": batch,
        **_client(limits, prices, prompts),
    }  # fmt: skip
    given = Budget(**budget or {})
    return _state(await _generate(source, limit, replicate or scheduled_date(), settings, given))


@flow(name="annotate", persist_result=False)
async def annotate(
    db: str = "redraft.duckdb",
    grader: str = "rollout",
    where: str = "true",
    model: str = "embedded",
    api_base: str | None = None,
    arguments: dict[str, Any] | None = None,
    temperature: float = 1.0,
    max_tokens: int = 1024,
    limit: int | None = None,
    seed: int = 0,
    replicate: str = "",
    concurrency: int = 64,
    limits: dict[str, Any] | None = None,
    budget: dict[str, Any] | None = None,
    problem_budget: dict[str, Any] | None = None,
    prices: tuple[float, float] | None = None,
    prompts: str | None = None,
) -> State[dict[str, Any]]:
    """Grades the stored drafts that fit `where` and that this grader has not judged yet: a schedule judges what is new.
    With a `replicate` of its own, such as a date, all are judged anew. Failed where a call failed or the stage did; the
    same run again goes on from there. The other parameters are as in `generate`."""
    found = await _annotated(
        db=db, grader=grader, where=where, model=model, api_base=api_base, arguments=arguments, temperature=temperature,
        max_tokens=max_tokens, limit=limit, seed=seed, replicate=replicate, concurrency=concurrency,
        progress=Logged(), budget=Budget(**budget or {}), problem_budget=Budget(**problem_budget or {}),
        **_client(limits, prices, prompts),
    )  # fmt: skip
    facts, told = asdict(found), str(found)
    await acreate_markdown_artifact(f"{told}.", key="redraft-annotation", description=f"grader {found.grader}")
    if found.failed:
        return Failed(message=f"failed calls spoilt {found.failed} problems' grades: {told}", data=facts)
    return Completed(message=told, data=facts)


@flow(name="filter", persist_result=False)
async def filter(
    db: str = "redraft.duckdb",
    filters: list[str] | None = None,
    arguments: dict[str, Any] | None = None,
    run: str | None = None,
) -> dict[str, Any]:
    """Passes every stored trajectory through filters, and keeps which were dropped and why."""
    found = await _filtered(db=db, filters=filters or list(FILTERS), arguments=arguments, run=run)
    get_run_logger().info(outcome(found))
    return asdict(found)


@flow(name="export", persist_result=False)
async def export(
    file: str,
    db: str = "redraft.duckdb",
    format: str = "sft",
    filters: list[str] | None = None,
    arguments: dict[str, Any] | None = None,
    run: str | None = None,
) -> dict[str, Any]:
    """Writes the trajectories that the filters keep to a file, in the place of an earlier one."""
    names = filters or list(FILTERS)
    found = await _exported(file, db=db, format=format, filters=names, arguments=arguments, run=run, overwrite=True)
    get_run_logger().info(outcome(found))
    return asdict(found)


@flow(name="nightly", persist_result=False)
async def nightly(
    source: str = "builtin",
    db: str = "redraft.duckdb",
    file: str = "redraft.sft.jsonl",
    model: str = "embedded",
    strategy: str = "correct",
    arguments: dict[str, Any] | None = None,
    samples: int = 8,
    limit: int | None = None,
    replicate: str | None = None,
    api_base: str | None = None,
    budget: dict[str, Any] | None = None,
) -> State[dict[str, Any]]:
    """One more replicate of the problems, and an export of everything right so far. `budget` as in `generate`."""
    settings = {
        "db": db, "model": model, "api_base": api_base, "strategy": strategy, "arguments": arguments,
        "samples": samples,
    }  # fmt: skip
    summary = await _generate(source, limit, replicate or scheduled_date(), settings, Budget(**budget or {}))
    get_run_logger().info(outcome(await _exported(file, db=db, overwrite=True)))
    return _state(summary)


def scheduled_date() -> str:
    """The day that this flow run was scheduled for, such as 2026-11-22, in UTC."""
    return f"{flow_run.get_scheduled_start_time():%Y-%m-%d}"


@task(name="generate", cache_policy=NO_CACHE, persist_result=False)
async def _shard(these: Sequence[Problem], settings: Mapping[str, Any]) -> Summary:
    return await generate_stage(these, progress=Logged(), **settings)


_annotated = task(name="annotate", cache_policy=NO_CACHE, persist_result=False)(annotate_stage)
_filtered = task(name="filter", cache_policy=NO_CACHE, persist_result=False)(filter_stage)
_exported = task(name="export", cache_policy=NO_CACHE, persist_result=False)(export_stage)


async def _generate(
    source: str, limit: int | None, replicate: str, settings: Mapping[str, Any], budget: Budget
) -> Summary:
    """Every shard in turn until the budget is used up, and the summary over all of them as an artifact."""
    log, left = Logged(), budget
    found = problems(source, log, limit=limit)
    parts: list[Summary] = []
    for start in range(0, len(found), SHARD):
        given = {**settings, "replicate": replicate, "budget": left}
        parts.append(await _shard(found[start : start + SHARD], given))
        left = left.less(parts[-1].used or Amount(), parts[-1].seconds)
        if parts[-1].spent:
            break
    whole = parts[0] if len(parts) == 1 else await asyncio.to_thread(_joined, found, parts, replicate)
    if whole.spent:
        whole = replace(whole, spent=f"The flow run's budget of {budget} is used up.")
    await acreate_markdown_artifact(markdown(whole), key="redraft-summary", description=f"replicate {replicate}")
    return whole


def _joined(found: Sequence[Problem], parts: Sequence[Summary], replicate: str) -> Summary:
    """One summary over all problems, with what all shards together spent."""
    last, ids = parts[-1], [problem.problem_id for problem in found]
    whole = summarise(Store(last.db), last.run_id, recipe=last.recipe, replicate=replicate, problems=ids)
    costs = [part.cost_usd for part in parts if part.cost_usd is not None]
    return replace(
        whole,
        tokens=sum(part.tokens for part in parts),
        prompt_tokens=sum(part.prompt_tokens for part in parts),
        calls=sum(part.calls for part in parts),
        seconds=sum(part.seconds for part in parts),
        cost_usd=sum(costs) if costs else None,
        spent=last.spent,
    )


def _client(
    limits: Mapping[str, Any] | None, prices: tuple[float, float] | None, prompts: str | None
) -> dict[str, Any]:
    """How a model is called, from what a deployment can say."""
    return {
        "limits": Limits(**limits or {}),
        "prices": Prices(*(price / 1e6 for price in prices)) if prices else None,
        "prompts": Prompts.read(prompts) if prompts else Prompts(),
    }


def _state(summary: Summary) -> State[dict[str, Any]]:
    facts = asdict(summary)
    if summary.failed:
        reasons = "; ".join(f"{count} x {reason}" for reason, count in summary.failures.items())
        return Failed(message=f"{summary.failed} trajectories failed: {reasons}", data=facts)
    told = f"{summary.problems} problems, {summary.trajectories} trajectories"
    return Completed(message=f"{told}. {summary.spent}" if summary.spent else told, data=facts)


class Logged(Lines):
    """Progress as lines in the flow run's log."""

    def __init__(self) -> None:
        super().__init__(seconds=10.0)
        self._log: logging.Logger | logging.LoggerAdapter[Any] = get_run_logger()

    def say(self, text: str) -> None:
        self._log.info(text)
