"""Grades stored drafts and their steps, and stores the grades. A plain async function without Prefect.

from redraft.flows.annotate import annotate
found = asyncio.run(annotate(db="redraft.duckdb", grader="rollout", arguments={"grader.rollouts": 16}))
"""

from dataclasses import dataclass, replace
from pathlib import Path

from redraft.flows.annotation.annotation_job import AnnotationJob
from redraft.flows.annotation.result import Annotation, read_annotation
from redraft.flows.display.notebook import suited
from redraft.flows.display.progress import Progress
from redraft.flows.fleet.worker_command import fleet_of, run_job
from redraft.flows.settings import DB, AnnotationSettings, WorkerSettings
from redraft.flows.settings_validation import takes
from redraft.flows.units.stage_job import budget_scope
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


@dataclass(frozen=True, kw_only=True)
class AnnotateArguments(AnnotationSettings, WorkerSettings):
    """The arguments of `annotate`."""

    db: str | Path | Store = DB
    progress: Progress | None = None


@takes(AnnotateArguments)
async def annotate(given: AnnotateArguments) -> Annotation:
    """Grades the stored drafts of the first `limit` problems that match `where`, and returns the counts. `where` is an
    SQL condition on `flows.annotation.drafts.DRAFTS`. The view `grades` has the values of drafts and steps. Rollouts
    are stored as trajectories with the role `rollout`.

    `model` writes the rollouts, and is the judge of graders that ask a judge. `arguments` are the arguments of the
    grader, such as {"grader.rollouts": 16}. A draft that the same grader has graded with the same settings and
    `replicate` is not graded again, unless its text or the known answer has changed. A draft is tried again if its
    grading failed, or if a `budget` was used up before its grading ended. Calls that were answered are not repeated.

    `workers`, `budget` and `progress` are as in `generate`. Raises SettingsError, StoreError, PartError, QueryError if
    DuckDB rejects the condition, and ModelError if the model can't be used at all.
    """
    progress = suited(given.progress)
    async with opened(given.db, create=False, waiting=progress.say) as store:
        job = AnnotationJob((), given, store, progress, scope=budget_scope(given.workers))
        try:
            await off_loop(job.find)
            async with fleet_of(given.workers, progress) as fleet:
                ended = await run_job(job, fleet)
        finally:
            await job.close()
        found = await off_loop(read_annotation, store, ended.run_id, job.grader, job.known)
    return replace(found, spent=ended.spent, used=ended.used if given.budget else None)
