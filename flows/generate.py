"""The main job: problems in, judged trajectories out, in the store. A plain async function, with no Prefect in it.

    from redraft.flows.generate import generate
    summary = asyncio.run(generate("builtin", strategy="correct", samples=4, limit=20))

Calls are answered into the journal before anyone uses them, and finished problems go into the store in batches, so
that a run which is killed or stopped goes on where it was when the same job is started again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from redraft.flows.display.notebook import suited
from redraft.flows.display.progress import Progress
from redraft.flows.generation.job import Job
from redraft.flows.generation.problems import problems
from redraft.flows.settings import Selection, Settings
from redraft.flows.settings_input import takes
from redraft.flows.summary.summarise import summarise_job
from redraft.flows.summary.summary import Summary
from redraft.llm.model import ModelError
from redraft.store.problems import Problem
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


@dataclass(frozen=True, kw_only=True)
class GenerateArguments(Settings, Selection):
    """What `generate` takes."""

    source: str | Path | Iterable[Problem] = field(default="builtin", kw_only=False)
    db: str | Path | Store = "redraft.duckdb"
    source_name: str | None = None
    progress: Progress | None = None


@takes(GenerateArguments)
async def generate(given: GenerateArguments) -> Summary:
    """Solves every problem of `source` that is not done yet, judges every draft, and stores all of it.

    `source` is "builtin", which is the training split of the problems that ship (`builtin:split=heldout` is the other),
    a file, or Problems. `arguments` are the strategy's and its parts' (`{"turns": 2}`). What was
    done before by the same recipe and `replicate` is left as it is; what failed is tried again; more `samples` than
    before add the difference. `source_name` is what `runs.config` calls the source of given Problems.

    `api_base` is the address of an OpenAI-compatible server that has the model, or several of them. `concurrency`
    bounds the calls in flight and changes no result; `limits` has more on how a remote model is called. `top_p`,
    `top_k` and `min_p` are those of `llm.truncation.Truncation`; a model that does not take one of them ends the run.

    A run whose `budget` is used up ends in order, and the same job goes on from there with a new budget;
    `problem_budget` holds for each problem. `prices` are the model's, if LiteLLM does not know them. `prompts` are
    wordings of your own. `batch` asks by the provider's batches, which cost half and may take a day; a job that is
    stopped goes on from them.

    `progress` hears how far the run is. Without it a notebook shows a bar, a terminal has a line every five seconds,
    and elsewhere only what a person should know is written to standard error; `progress.Silent()` says nothing.

    If it is cancelled, it stores what is finished and raises again. Raises SettingsError, StoreError, SourceError,
    PartError, and ModelError if the model can't be used at all; a problem whose call failed is counted in the Summary.
    """
    progress = suited(given.progress)
    found = problems(given.source, progress, given)
    async with opened(given.db, waiting=progress.say) as store:
        job = Job(found, given, store, progress)
        known = getattr(job.model, "sources", None)
        if known and any(problem.source not in known for problem in found):
            progress.say(
                f"the {job.model.name} model was trained on {', '.join(known)} problems alone: expect little of it here"
            )
        try:
            named = str(given.source) if isinstance(given.source, str | Path) else "given in Python"
            run_id = await job.run(given.source_name or named)
        except ModelError as error:
            error.used = job.client.used if given.budget else None
            raise
        finally:
            await job.close()
        summary = await off_loop(summarise_job, job, run_id)
    return replace(summary, spent=job.client.exhausted, used=job.client.used if given.budget else None)
