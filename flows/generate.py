"""Solves problems and stores graded trajectories. A plain async function without Prefect.

    from redraft.flows.generate import generate
    summary = asyncio.run(generate("builtin", strategy="correct", samples=4, limit=20))

The reply of each call is written to the journal before it is used, and finished problems are stored in batches. If a
run is killed or stopped, the same call continues where the run ended.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from redraft.flows.display.notebook import suited
from redraft.flows.display.progress import Progress
from redraft.flows.fleet.worker_command import fleet_of, run_job
from redraft.flows.generation.job import Job
from redraft.flows.generation.problems import problems, say_untrained
from redraft.flows.settings import DB, Selection, Settings, WorkerSettings
from redraft.flows.settings_validation import takes
from redraft.flows.summary.summary import Summary
from redraft.flows.summary.summary_reader import summarise_job
from redraft.flows.units.stage_job import budget_scope
from redraft.store.problems import Problem
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


@dataclass(frozen=True, kw_only=True)
class GenerateArguments(Settings, Selection, WorkerSettings):
    """The arguments of `generate`."""

    source: str | Path | Iterable[Problem] = field(default="builtin", kw_only=False)
    db: str | Path | Store = DB
    source_name: str | None = None
    progress: Progress | None = None


@takes(GenerateArguments)
async def generate(given: GenerateArguments) -> Summary:
    """Solves every problem of `source` that is not done yet, grades every draft, stores the results, and returns a
    summary.

    `source` is "builtin", a file, or a list of Problems. "builtin" is the training split of the problems that ship with
    redraft; "builtin:split=heldout" is the other split. "augmented" means the new questions in the store that `augment`
    accepted, and "augmented:rephrase,fobar" only those of two methods. If `source` is a list of Problems, `source_name`
    is its name in `runs.config`.

    `arguments` are the arguments of the strategy and its parts (`{"turns": 2}`). A problem that the same recipe and
    `replicate` solved before is not solved again. A problem that failed is tried again. If `samples` is larger than
    before, only the missing samples are drawn.

    `api_base` is the address of an OpenAI-compatible server that has the model, or several such addresses.
    `concurrency` is the maximum number of simultaneous calls, and does not change results. `limits` has further
    settings for calls to a remote model. `top_p`, `top_k` and `min_p` are the fields of `llm.truncation.Truncation`. If
    a model does not support one of them, the run ends with an error.

    If the `budget` is used up, the run stops early, and the same call continues it with a new budget. `problem_budget`
    limits each problem. `prices` are the prices of the model, for models that LiteLLM does not know. `prompts` replaces
    the texts of prompts. `batch` sends calls in the provider's batches, which cost half and may take a day. If a run
    was stopped, the next run finds its open batches again.

    With `workers` above 1, this number of processes on this machine share the work; the model and all parts must then
    be given by their names. Another run with the same settings shares the work too, on this machine or on another
    machine that can open the store.

    `progress` receives the progress of the run. If it is None, a notebook shows a bar, and a terminal shows a line
    every five seconds; otherwise only important notes are written to standard error. `progress.Silent()` prints
    nothing.

    If the function is cancelled, it stores what is finished and raises CancelledError. Raises SettingsError,
    StoreError, SourceError, PartError, and ModelError if the model can't be used at all. The Summary counts the
    problems whose calls failed.
    """
    progress = suited(given.progress)
    found = problems(given.source, progress, given, db=given.db)
    named = str(given.source) if isinstance(given.source, str | Path) else "given in Python"
    async with opened(given.db, waiting=progress.say) as store:
        scope = budget_scope(given.workers)
        job = Job(found, given, store, progress, source=given.source_name or named, scope=scope)
        say_untrained(job.model, found, progress)
        try:
            async with fleet_of(given.workers, progress) as fleet:
                ended = await run_job(job, fleet)
        finally:
            await job.close()
        summary = await off_loop(summarise_job, job, ended.run_id)
    return replace(summary, spent=ended.spent, used=ended.used if given.budget else None)
