"""Graders over stored drafts: what each step is worth, stored beside the drafts. A plain async function, no Prefect.

from redraft.flows.annotate import annotate
found = asyncio.run(annotate(db="redraft.duckdb", grader="rollout", arguments={"grader.rollouts": 16}))
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from redraft.agents.build import build
from redraft.flows.annotation.grading import DraftGrader
from redraft.flows.annotation.pending import Pending, pending
from redraft.flows.annotation.result import Annotation
from redraft.flows.display.notebook import suited
from redraft.flows.display.progress import Plan, Progress
from redraft.flows.generation.identity import identity
from redraft.flows.generation.recipe import recipe
from redraft.flows.generation.run_config import plain_argument, plain_budget
from redraft.flows.generation.strategy import Strategy
from redraft.flows.settings import AnnotationSettings
from redraft.flows.settings_input import takes
from redraft.flows.units.runner import UnitRunner
from redraft.graders.answers.checker import Checker
from redraft.graders.grader import Grader
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
    """What `annotate` takes."""

    db: str | Path | Store = "redraft.duckdb"
    progress: Progress | None = None


@takes(AnnotateArguments)
async def annotate(given: AnnotateArguments) -> Annotation:
    """Grades the stored drafts that fit `where`, an SQL condition on `flows.annotation.drafts.DRAFTS`, of the first
    `limit` problems; the values of drafts and steps are in the view `grades`, and rollouts are trajectories of that
    role.

    `model` writes rollouts and is the judge, `arguments` are the grader's, as {"grader.rollouts": 16}. What was graded
    before by the same grader, settings and `replicate` is left as it is, unless its text or its key has changed; what
    failed, or was cut short by a `budget`, is tried again, and goes on from the calls that were answered.

    `progress` is as in `generate`. Raises SettingsError, StoreError, QueryError for a condition that DuckDB does not
    take, PartError, and ModelError if the model can't be used at all.
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
        keys, checker = Keyring(), Checker()
        try:
            grader: Any = build(
                GRADER_ALONE.factory, client, keys=keys, grader=given.grader, checker=checker, **given.arguments
            )
            grader_name = identity(given.grader) or ""
            arguments = {key: plain_argument(key, value) for key, value in given.arguments.items()}
            config = {"grader": grader_name, "where": given.where, **arguments}

            def begin() -> tuple[str, Pending]:
                """Nobody else publishes between the look at the store and the claim: no unit is judged twice."""
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
            await runner.run(tasks.todo, given.concurrency)
            result.spent, result.used = client.exhausted, client.used if given.budget else None
            return result
        except ModelError as error:
            error.used = client.used if given.budget else None
            raise
        finally:
            await off_loop(journal.close)
            await checker.close()
            await client.close_others()
            if isinstance(given.model, str):
                await model.close()


def annotation(grader: Grader) -> Grader:
    """The grader itself, built with all that it asks for: a strategy in form only."""
    return grader


GRADER_ALONE = Strategy(annotation, "grader", "redraft.flows.annotate:one", frozenset(["grader"]))
"""What recipes call it is as old as they are, and never changes."""
