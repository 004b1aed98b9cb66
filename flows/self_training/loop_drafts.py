"""What a round of self-training draws: new questions, trajectories, and the labels of its grader."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from redraft.flows.annotate import annotate
from redraft.flows.annotation.result import Annotation
from redraft.flows.augment import augment
from redraft.flows.filters.sifting.filter_sql import Scope
from redraft.flows.generate import generate
from redraft.flows.self_training import decision
from redraft.flows.self_training.accepted import accepted
from redraft.flows.self_training.loop_state import LoopState
from redraft.flows.self_training.models import LoopModel
from redraft.flows.self_training.training_method import flat
from redraft.flows.trainers.trainer import TrainingError
from redraft.store.errors import plural
from redraft.store.problems import Problem
from redraft.store.tables.rounds import Round
from redraft.store.tables.sql import literal
from redraft.store.waiting import off_loop


class LoopDrafts:
    """Draws and judges the trajectories of the rounds of a loop."""

    def __init__(self, state: LoopState) -> None:
        self._state = state

    async def drawn(self, noted: Round, before: LoopModel) -> Round:
        """Draws and labels the trajectories of a round. Raises TrainingError if every draft failed, and SpentError."""
        state, plan = self._state, self._state.plan
        replicate, begun = plan.drawn_replicate(noted.round), time.monotonic()
        new = await self._new_questions(before, replicate)
        asked, searching = await self._searching(noted.round, before)
        found = await state.spend(
            lambda left: generate(
                [*plan.problems, *new],
                **{**plan.drawing, **searching, **asked, "replicate": replicate},
                **state.run(left),
            )
        )
        if not found.new and not found.trajectories:
            raise TrainingError(f"round {noted.round}: every draft failed ({_reasons(found.failures)})")
        noted = replace(
            noted,
            generation_recipe=found.recipe,
            generation_replicate=replicate,
            annotation_runs=await self._labelled(found.recipe, replicate, before),
        )
        figures = {
            "problems": found.problems, "trajectories": found.trajectories, "right": found.right,
            "failed": found.failed, "tokens": found.all_tokens, "drawing_s": seconds(begun),
        }  # fmt: skip
        if plan.rewriting:
            figures["new_questions"] = len(new)
        runs = await off_loop(state.runs, found.recipe, replicate)
        return state.note(noted, "generated", generation_runs=runs, figures=figures)

    async def verified(self, noted: Round, policy: LoopModel, verifier: LoopModel) -> Sequence[str]:
        """Grades the samples on the held-out problems with the verifier of a round, and returns the ids of the runs."""
        state, part = self._state, self._state.plan.method.verifier
        if part is None:
            return ()
        recipe, replicate = noted.evaluation_recipe or "", noted.evaluation_replicate or ""
        where = f"recipe = {literal(recipe)} AND replicate = {literal(replicate)}"
        asked, judging = await state.serving.judged(policy, verifier, state.plan)
        _, runs = await self._graded(part.grader, where, judging, asked, replicate)
        return runs

    async def _new_questions(self, before: LoopModel, replicate: str) -> list[Problem]:
        """Makes new questions for a round, and returns the accepted ones."""
        state, plan = self._state, self._state.plan
        if plan.rewriting is None:
            return []
        asked = {**plan.rewriting, **await state.serving.asked(before), "replicate": replicate}
        found = await state.spend(lambda left: augment(list(plan.problems), **asked, **state.run(left)))
        state.progress.say(str(found))
        recipes = [method.recipe for method in found.methods]
        return await off_loop(accepted, state.store, recipes, replicate, plan.heldout)

    async def _searching(self, number: int, before: LoopModel) -> tuple[Mapping[str, Any], dict[str, Any]]:
        """Returns the arguments with which the policy is called, and those with which the last verifier grades the
        drafts of the strategy."""
        state, plan = self._state, self._state.plan
        part, last = plan.method.verifier, state.last_verifier(number)
        if part is None or last is None or not part.searches:
            return await state.serving.asked(before), {}
        asked, judging = await state.serving.judged(before, last, plan, searches=True)
        return asked, {"grader": part.grader, "arguments": {**plan.drawing["arguments"], **judging}}

    async def _labelled(self, recipe: str, replicate: str, before: LoopModel) -> Sequence[str]:
        """Grades the drafts with the method's grader, and returns the ids of the runs that did this."""
        labels = self._state.plan.method.labels
        if labels is None:
            return ()
        first = Scope(samples=self._state.plan.drawing["samples"]).sample_sql
        where = f"({labels.where}) AND recipe = {literal(recipe)} AND replicate = {literal(replicate)} AND {first}"
        asked = await self._state.serving.asked(before)
        found, runs = await self._graded(labels.grader, where, flat(labels.arguments), asked, replicate)
        if found.drafts and not (found.values or found.known):
            why = ", ".join(found.lost) or "no reason was given"
            raise TrainingError(
                f"{before.name} gave none of {plural(found.drafts, 'draft')} a value as grader {labels.grader!r}"
                f" ({why}):"
                " choose a --model that judges, or another --method"
            )
        return runs

    async def _graded(
        self, grader: str, where: str, arguments: Mapping[str, Any], asked: Mapping[str, Any], replicate: str
    ) -> tuple[Annotation, Sequence[str]]:
        """Grades drafts. Returns the counts, and the ids of all runs with the same settings, because an earlier one may
        have been killed."""
        state = self._state
        common = {name: value for name, value in state.plan.measuring.items() if name not in DRAWING_ALONE}
        common |= {**asked, "replicate": replicate}
        found = await state.spend(
            lambda left: annotate(grader=grader, where=where, arguments=arguments, **common, **state.run(left))
        )
        sql = f"SELECT recipe FROM runs WHERE run_id = {literal(found.run_id)}"
        [(recipe,)] = (await off_loop(state.store.query, sql, patience=decision.PATIENCE)).rows
        return found, await off_loop(state.runs, recipe, replicate)


def seconds(begun: float) -> float:
    """Returns the seconds since a time of the monotonic clock."""
    return round(time.monotonic() - begun, 1)


def _reasons(failures: Mapping[str, int]) -> str:
    return "; ".join(f"{count} x {reason}" for reason, count in failures.items()) or "no reason was given"


DRAWING_ALONE = ("strategy", "samples", "temperature", "replicate")
"""Arguments of drawing that do not apply to grading."""
