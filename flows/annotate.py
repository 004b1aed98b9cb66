"""Grades stored drafts and their steps, and stores the grades. A plain async function without Prefect.

from redraft.flows.annotate import annotate
found = asyncio.run(annotate(db="redraft.duckdb", grader="rollout", arguments={"grader.rollouts": 16}))
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from redraft.agents.build import build
from redraft.flows.annotation.grade_unit import DraftGrader
from redraft.flows.annotation.queue import Pending, pending
from redraft.flows.annotation.result import Annotation
from redraft.flows.display.notebook import suited
from redraft.flows.display.progress import Plan, Progress
from redraft.flows.generation.identity import recorded
from redraft.flows.generation.recipe import recipe
from redraft.flows.generation.run_config import plain_argument, plain_budget
from redraft.flows.generation.strategy import Strategy
from redraft.flows.settings import DB, AnnotationSettings
from redraft.flows.settings_validation import takes
from redraft.flows.units.runner import UnitRunner
from redraft.graders.answers.checker import Checker
from redraft.graders.grader import Grader
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.llm.providers.route import route
from redraft.store.journal import Journal
from redraft.store.problems import Keyring
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


@dataclass(frozen=True, kw_only=True)
class AnnotateArguments(AnnotationSettings):
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

    `progress` is as in `generate`. Raises SettingsError, StoreError, PartError, QueryError if DuckDB rejects the
    condition, and ModelError if the model can't be used at all.
    """
    progress = suited(given.progress)
    async with opened(given.db, create=False, waiting=progress.say) as store:
        model = given.model
        if isinstance(model, str):
            model = route(model, given.api_base, limits=given.limits, chat_template=given.prompts.chat)
        model.prices = given.prices or model.prices
        name = recipe(
            Client(model, sampling=given.sampling, prompts=given.prompts),
            GRADER_ALONE,
            grader=given.grader,
            critic=None,
            arguments=given.arguments,
            measures=("annotate",),
            problem_budget=plain_budget(given.problem_budget),
            sandbox=given.sandbox,
        )
        journal = Journal(store.journal_path(name), claim=False)
        client = Client(
            model,
            journal=journal,
            sampling=given.sampling,
            limits=replace(given.limits, concurrency=given.concurrency),
            run_budget=given.budget,
            problem_budget=given.problem_budget,
            say=progress.say,
            prompts=given.prompts,
        )
        keys, sandbox = Keyring(), Sandbox(kind=given.sandbox)
        checker = Checker(sandbox=sandbox)
        try:
            grader: Any = build(
                GRADER_ALONE.factory,
                client,
                keys=keys,
                grader=given.grader,
                checker=checker,
                sandbox=sandbox,
                **given.arguments,
            )
            grader_name = recorded(given.grader) or ""
            arguments = {key: plain_argument(key, value) for key, value in given.arguments.items()}
            config = {"grader": grader_name, "where": given.where, **arguments}

            def begin() -> tuple[str, Pending]:
                """Starts a run and claims its units. The store is locked during this time, so that no unit is graded
                twice."""
                with store.held():
                    tasks = pending(store, given.where, name, given.replicate, given.limit)
                    journal.claim([task.unit for task in tasks.todo], also=[task.unit for task in tasks.done])
                    return store.start_run("annotate", name, grader_name, model.name, config), tasks

            run_id, tasks = await off_loop(begin)
            result = Annotation(store.path, run_id, grader_name, known=sum(len(task.places) for task in tasks.done))
            plan = Plan(
                run_id,
                problems=len(tasks.done) + len(tasks.todo),
                done=len(tasks.done),
                samples=None,
                strategy=f"grader {grader_name}",
                model=model.name,
                db=store.path,
                noun="unit",
            )
            progress.begin(plan)
            worker = DraftGrader(grader, client, store=store, journal=journal, keys=keys, result=result)
            runner = UnitRunner(
                worker,
                client,
                store=store,
                journal=journal,
                progress=progress,
                run_id=run_id,
                recipe=name,
                replicate=given.replicate,
            )
            await runner.run(tasks.todo, lambda: given.concurrency)
            result.spent, result.used = client.exhausted, client.used if given.budget else None
            return result
        except ModelError as error:
            error.used = client.used if given.budget else None
            raise
        finally:
            await off_loop(journal.close)
            await checker.close()
            await sandbox.close()
            await client.close_others()
            if isinstance(given.model, str):
                await model.close()


def annotation(grader: Grader) -> Grader:
    """Returns the grader unchanged. The function has the signature of a strategy, so `build` can build the grader with
    its parts."""
    return grader


GRADER_ALONE = Strategy(annotation, "grader", "redraft.flows.annotate:one", frozenset(["grader"]))
"""The name is part of recipes, so it must never change: with a new name, runs that were paid for would be repeated."""
