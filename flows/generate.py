"""The main job: problems in, judged trajectories out, in the store. A plain async function, with no Prefect in it.

    from redraft.flows.generate import generate
    summary = asyncio.run(generate("builtin", strategy="correct", samples=4, limit=20))

Calls are answered into the journal before anyone uses them, and finished problems go into the store in batches, so
that a run which is killed or stopped goes on where it was when the same job is started again.
"""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from redraft.agents.load import Spec, build
from redraft.flows.progress import Plan, Progress, Silent
from redraft.flows.recipe import identity, recipe
from redraft.flows.solving import MEASURES, Solving, Work
from redraft.flows.summary import Summary, summarise
from redraft.llm.client import Client
from redraft.llm.model import Model, Sampling
from redraft.llm.route import route
from redraft.store.errors import SourceError
from redraft.store.journal import Journal
from redraft.store.records import Keyring, Problem, Trajectory
from redraft.store.sources import read
from redraft.store.store import Store
from redraft.store.units import Done, unit_id
from redraft.store.writer import Writer

BUILTIN_LIMIT = 40
"""Problems that are taken of the built-in source, which never ends, where no limit is given."""


async def generate(
    source: str | Path | Iterable[Problem] = "builtin",
    *,
    db: str | Path | Store = "redraft.duckdb",
    model: str | Model = "embedded",
    api_base: str | None = None,
    strategy: Spec = "correct",
    grader: Spec | None = None,
    critic: Spec | None = None,
    arguments: Mapping[str, Any] | None = None,
    samples: int = 8,
    temperature: float = 1.0,
    max_tokens: int = 1024,
    limit: int | None = None,
    seed: int = 0,
    replicate: str = "",
    concurrency: int = 64,
    question_column: str | None = None,
    answer_column: str | None = None,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Solves every problem of `source` that is not done yet, judges every draft, and keeps all of it.

    `source` is "builtin", a file, or Problems. `arguments` are the strategy's and its parts' (`{"turns": 2}`). What was
    done before by the same recipe and `replicate` is left as it is; what failed is tried again; more `samples` than
    before add the difference. `concurrency` bounds the calls in flight and changes no result.

    Cancelled, it keeps what is finished and re-raises. Raises StoreError, SourceError, PartError, and ModelError where
    the model can't be used at all; a problem whose call failed is counted in the Summary instead.
    """
    told = progress or Silent()
    store = db if isinstance(db, Store) else Store(db, waiting=told.say)
    problems = _problems(source, limit, question_column, answer_column, skip_bad, told)
    sampling = Sampling(temperature=temperature, max_tokens=max_tokens, seed=seed)
    asked = route(model, api_base) if isinstance(model, str) else model
    keys, given = Keyring(), dict(arguments or {})
    by_id = {problem.problem_id: problem for problem in problems}

    def watch(path: Trajectory) -> None:
        told.draft(by_id[path.question.problem_id], path)

    sampled = Client(asked, sampling=sampling)
    name = recipe(sampled, strategy, grader=grader, critic=critic, arguments=given, measures=MEASURES)
    parts = {"strategy": strategy, "grader": grader, "critic": critic}
    config = {part: identity(spec) for part, spec in parts.items()} | {
        "source": str(source) if isinstance(source, str | Path) else "problems given in Python",
        "arguments": {key: identity(value) for key, value in given.items()},
        "api_base": api_base,
        "samples": samples,
        "temperature": temperature,
        "max_tokens": max_tokens,
        "limit": limit,
        "seed": seed,
        "replicate": replicate,
        "concurrency": concurrency,
    }
    status = "failed"
    journal = Journal(store.journal_path(name))
    try:
        client = Client(asked, journal=journal, sampling=sampling, concurrency=concurrency)
        agent = build(strategy, client, keys=keys, grader=grader, critic=critic, samples=samples, watch=watch, **given)
        await asyncio.to_thread(store.add, problems)
        work = _todo(problems, await asyncio.to_thread(store.done, name, replicate), name, replicate, samples)
        written = str(config["strategy"])
        run_id = await asyncio.to_thread(store.start_run, "generate", name, written, asked.name, config)
        told.begin(Plan(run_id, len(problems), len(problems) - len(work), samples, written, asked.name, store.path))
        solving = Solving(
            agent,
            keys,
            store=store,
            journal=journal,
            progress=told,
            run_id=run_id,
            recipe=name,
            replicate=replicate,
            samples=samples,
        )
        await solving.all(work, window=concurrency)
        status = "finished"
    except asyncio.CancelledError:
        status = "interrupted"
        raise
    finally:
        journal.close()
        await asked.close()
        told.end(status)
    ids = list(by_id)
    return await asyncio.to_thread(summarise, store, run_id, recipe=name, replicate=replicate, problems=ids)


def _problems(
    source: str | Path | Iterable[Problem],
    limit: int | None,
    question: str | None,
    answer: str | None,
    skip_bad: bool,
    told: Progress,
) -> list[Problem]:
    """All of them before the first is asked, so that a bad row costs nothing; one of several equal ones."""
    if not isinstance(source, str | Path):
        found = list(source)[:limit]
    else:
        if limit is None and str(source).partition(":")[0] == "builtin":
            limit = BUILTIN_LIMIT
        bad: list[SourceError] = []
        found = list(read(source, question=question, answer=answer, skip_bad=skip_bad, bad=bad.append, limit=limit))
        for error in bad[:MOST_TOLD]:
            told.say(f"left out: {error}")
        if len(bad) > MOST_TOLD:
            told.say(f"left out: {len(bad) - MOST_TOLD} more bad rows")
    return list({problem.problem_id: problem for problem in found}.values())


def _todo(problems: list[Problem], done: Mapping[str, Done], recipe: str, replicate: str, samples: int) -> list[Work]:
    """The problems that are new, failed, or have fewer samples than are wanted now."""
    return [
        Work(problem, unit_id(recipe, problem.problem_id, replicate), 1 if old is None else old.attempt + 1)
        for problem in problems
        if (old := done.get(problem.problem_id)) is None or old.status == "failed" or old.samples < samples
    ]


MOST_TOLD = 5
