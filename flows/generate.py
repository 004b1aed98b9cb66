"""The main job: problems in, judged trajectories out, in the store. A plain async function, with no Prefect in it.

    from redraft.flows.generate import generate
    summary = asyncio.run(generate("builtin", strategy="correct", samples=4, limit=20))

Calls are answered into the journal before anyone uses them, and finished problems go into the store in batches, so
that a run which is killed or stopped goes on where it was when the same job is started again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from redraft.agents.build import Spec
from redraft.flows.display.notebook import suited
from redraft.flows.display.progress import Progress
from redraft.flows.generation.job import Job, Settings, problems
from redraft.flows.summary.summarise import summarise_job
from redraft.flows.summary.summary import Summary
from redraft.llm.client.budget import Budget
from redraft.llm.limits import Limits
from redraft.llm.model import Model, ModelError
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.usage import Prices
from redraft.store.records import Problem
from redraft.store.tables.opening import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


async def generate(
    source: str | Path | Iterable[Problem] = "builtin",
    *,
    db: str | Path | Store = "redraft.duckdb",
    model: str | Model = "embedded",
    api_base: str | Sequence[str] | None = None,
    strategy: Spec = "correct",
    grader: Spec | None = None,
    critic: Spec | None = None,
    arguments: Mapping[str, Any] | None = None,
    samples: int = 8,
    temperature: float = 1.0,
    max_tokens: int = 1024,
    top_p: float | None = None,
    top_k: int | None = None,
    min_p: float | None = None,
    limit: int | None = None,
    seed: int = 0,
    replicate: str = "",
    concurrency: int = 64,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    budget: Budget = Budget(),  # noqa: B008 - frozen
    problem_budget: Budget = Budget(),  # noqa: B008 - frozen
    prices: Prices | None = None,
    prompts: Prompts = Prompts(),  # noqa: B008 - frozen
    batch: bool = False,
    question_column: str | None = None,
    answer_column: str | None = None,
    skip_bad: bool = False,
    source_name: str | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Solves every problem of `source` that is not done yet, judges every draft, and keeps all of it.

    `source` is "builtin", which is the training split of the problems that ship (`builtin:split=heldout` is the other),
    a file, or Problems. `arguments` are the strategy's and its parts' (`{"turns": 2}`). What was
    done before by the same recipe and `replicate` is left as it is; what failed is tried again; more `samples` than
    before add the difference. `source_name` is what `runs.config` calls the source of given Problems.

    `api_base` is the address of an OpenAI-compatible server that has the model, or several of them. `concurrency`
    bounds the calls in flight and changes no result; `limits` has more on how a remote model is called. `top_p`,
    `top_k` and `min_p` are those of `llm.truncation.Truncation`; a model that does not take one of them ends the run.

    A run whose `budget` is used up ends in order, and the same job
    goes on from there with a new one; `problem_budget` holds for each problem. `prices` are the model's, where
    LiteLLM does not know them. `prompts` are wordings of one's own.
    `batch` asks by the provider's batches, which cost half and may take a day; a job that is stopped goes on from them.

    `progress` is told how far the run is: without one a notebook shows a bar, a terminal has a line every five seconds,
    and elsewhere only what a person should know is written to standard error; `progress.Silent()` says nothing.

    Cancelled, it keeps what is finished and re-raises. Raises StoreError, SourceError, PartError, and ModelError where
    the model can't be used at all; a problem whose call failed is counted in the Summary instead.
    """
    settings = Settings(
        model=model,
        api_base=api_base,
        strategy=strategy,
        grader=grader,
        critic=critic,
        arguments=dict(arguments or {}),
        samples=samples,
        temperature=temperature,
        max_tokens=max_tokens,
        top_p=top_p,
        top_k=top_k,
        min_p=min_p,
        seed=seed,
        replicate=replicate,
        concurrency=concurrency,
        limits=limits,
        budget=budget,
        problem_budget=problem_budget,
        prices=prices,
        prompts=prompts,
        batch=batch,
    )
    told = suited(progress)
    columns: dict[str, Any] = {"question_column": question_column, "answer_column": answer_column}
    found = problems(source, told, limit=limit, skip_bad=skip_bad, **columns)
    async with opened(db, waiting=told.say) as store:
        job = Job(found, settings, store, told)
        known = getattr(job.model, "sources", None)
        if known and any(problem.source not in known for problem in found):
            told.say(
                f"the {job.model.name} model was trained on {', '.join(known)} problems alone: expect little of it here"
            )
        try:
            named = str(source) if isinstance(source, str | Path) else "given in Python"
            run_id = await job.run(source_name or named)
        except ModelError as error:
            error.used = job.client.used if settings.budget else None
            raise
        finally:
            await job.close()
        summary = await off_loop(summarise_job, job, run_id)
    return replace(summary, spent=job.client.spent, used=job.client.used if settings.budget else None)
