"""Graders over stored drafts: what each step is worth, kept beside the drafts. A plain async function without Prefect.

from redraft.flows.annotate import annotate
found = asyncio.run(annotate(db="redraft.duckdb", grader="rollout", arguments={"grader.rollouts": 16}))
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from redraft.agents.build import Spec, build
from redraft.flows.annotation.pending import Fitting, fitting
from redraft.flows.annotation.unit_runner import Annotated, Annotating
from redraft.flows.display.notebook import suited
from redraft.flows.display.progress import Plan, Progress
from redraft.flows.generation.job import budget as plain_budget
from redraft.flows.generation.job import plain_argument
from redraft.flows.generation.recipe import identity, recipe
from redraft.graders.answers.checker import Checker
from redraft.graders.grader import Grader
from redraft.llm.client.budget import Budget
from redraft.llm.client.client import Client
from redraft.llm.limits import Limits
from redraft.llm.model import Model, ModelError, Sampling
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.route import route
from redraft.llm.truncation import Truncation
from redraft.llm.usage import Prices
from redraft.store.journal import Journal
from redraft.store.records import Keyring
from redraft.store.tables.opening import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


async def annotate(
    *,
    db: str | Path | Store = "redraft.duckdb",
    grader: Spec = "rollout",
    where: str = "true",
    model: str | Model = "embedded",
    api_base: str | Sequence[str] | None = None,
    arguments: Mapping[str, Any] | None = None,
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
    progress: Progress | None = None,
) -> Annotated:
    """Grades the stored drafts that fit `where`, an SQL condition on `flows.drafts.DRAFTS`, of the first `limit`
    problems; the values of drafts and steps are in the view `grades`, and rollouts are trajectories of that role.

    `model` writes rollouts and is the judge, `arguments` are the grader's, as {"grader.rollouts": 16}. What was graded
    before by the same grader, settings and `replicate` is left as it is, unless its text or its key has changed; what
    failed, or was cut short by a `budget`, is tried again, and goes on from the calls that were answered.

    `progress` is as in `generate`. Raises StoreError, QueryError for a condition that DuckDB does not take, PartError,
    and ModelError if the model can't be used at all.
    """
    told = suited(progress)
    async with opened(db, create=False, waiting=told.say) as store:
        asked = route(model, api_base, limits=limits, chat_template=prompts.chat) if isinstance(model, str) else model
        asked.prices = prices or asked.prices
        given = dict(arguments or {})
        sampling = Sampling(temperature, max_tokens, seed, Truncation(top_p, top_k, min_p))
        bare = Client(asked, sampling=sampling, prompts=prompts)
        budgets = plain_budget(problem_budget)
        name = recipe(
            bare, one, grader=grader, critic=None, arguments=given, measures=("annotate",), problem_budget=budgets
        )
        journal = Journal(store.journal_path(name), claim=False)
        client = Client(
            asked,
            journal=journal,
            sampling=sampling,
            limits=replace(limits, concurrency=concurrency),
            run_budget=budget,
            problem_budget=problem_budget,
            say=told.say,
            prompts=prompts,
        )
        keys, checker = Keyring(), Checker()
        try:
            made = build(one, client, keys=keys, grader=grader, checker=checker, **given)
            known = identity(grader) or ""
            config = {
                "grader": known,
                "where": where,
                **{key: plain_argument(key, value) for key, value in given.items()},
            }

            def begin() -> tuple[str, Fitting]:
                """Nobody else publishes between the look at the store and the claim: no unit is judged twice."""
                with store.held():
                    kept = fitting(store, where, name, replicate, limit)
                    journal.claim([one.unit for one in kept.todo], also=[one.unit for one in kept.done])
                    return store.start_run("annotate", name, known, asked.name, config), kept

            run_id, kept = await off_loop(begin)
            found = Annotated(store.path, run_id, known, known=sum(len(one.places) for one in kept.done))
            plan = Plan(
                run_id,
                problems=len(kept.done) + len(kept.todo),
                done=len(kept.done),
                samples=None,
                strategy=f"grader {found.grader}",
                model=asked.name,
                db=store.path,
                noun="unit",
            )
            told.begin(plan)
            annotating = Annotating(store, journal, client, keys, made, name, replicate, found, told)
            await annotating.all(kept.todo, concurrency)
            found.used = client.used if budget else None
            return found
        except ModelError as error:
            error.used = client.used if budget else None
            raise
        finally:
            await off_loop(journal.close)
            await checker.close()
            await client.close_others()
            if isinstance(model, str):
                await asked.close()


def one(grader: Grader) -> Grader:
    """A strategy in form only: the grader, built with all that it asks for."""
    return grader
