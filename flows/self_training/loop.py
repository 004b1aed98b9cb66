"""The rounds of a self-training loop. The store records each part of a round when it is done, so that a repeated
command continues after a kill. A part that was not recorded is done again, with the same result."""

import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any, TypeVar

from redraft.flows.annotate import annotate
from redraft.flows.annotation.result import Annotation
from redraft.flows.augment import augment
from redraft.flows.dataset_files.target import Target
from redraft.flows.display.progress import Progress
from redraft.flows.export import prepared
from redraft.flows.filter import DatasetResult
from redraft.flows.filters.sifting.filter_sql import Scope
from redraft.flows.generate import generate
from redraft.flows.self_training import decision
from redraft.flows.self_training.accepted import accepted
from redraft.flows.self_training.models import LoopModel, file_digest, is_whole, model_files, model_id, trained_model
from redraft.flows.self_training.plan import POLICY, VERIFIER, LoopPlan
from redraft.flows.self_training.serving import Serving
from redraft.flows.self_training.training_lock import training_lock
from redraft.flows.self_training.training_method import flat
from redraft.flows.self_training.watch.references import reference_losses
from redraft.flows.self_training.watch.watch import VERIFIER_RUNS, Watch
from redraft.flows.trainers.trainer import Trainer, TrainingError, TrainingTask
from redraft.flows.units.budget import RemainingBudget
from redraft.llm.client.budget import BudgetTooSmall
from redraft.llm.limits import Budget
from redraft.store.errors import RedraftError, plural
from redraft.store.problems import Problem
from redraft.store.tables.rounds import Round, TrainedModel
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop

T = TypeVar("T")


class SpentError(RedraftError):
    """Raised if the budget of the loop is used up. The message names the limit."""


class Loop:
    """A self-training loop. `rounds` are the finished rounds, round 0 first, each with its measurements."""

    def __init__(
        self,
        plan: LoopPlan,
        trainers: Mapping[str, Trainer],
        store: Store,
        progress: Progress,
        budget: Budget,
        *,
        serving: Serving,
        method: str,
        run_id: str,
    ) -> None:
        self.plan, self.store, self.progress = plan, store, progress
        self._trainers, self._watch = trainers, Watch(store)
        self._budget, self._serving = RemainingBudget(budget), serving
        self._method, self._run_id = method, run_id
        self._noted: dict[int, Round] = {}
        self._made: dict[tuple[int, str], TrainedModel] = {}
        self.rounds: list[Round] = []

    async def run(self, rounds: int, *, all_rounds: bool, stop_on_alarm: bool = False) -> None:
        """Does the rounds up to this number that are not done yet. Raises SpentError if the budget is used up, and the
        errors of the stages."""
        await off_loop(self._read)
        policy = self.plan.base
        self.rounds.append(await self._measured(self._begin(0), policy))
        for number in range(1, rounds + 1):
            last = self.rounds[-1]
            if number > 1 and last.decision == decision.STOP and not all_rounds:
                return
            if stop_on_alarm and last.figures.get("alarms"):
                self.progress.say(f"stopped: an alarm sounded in round {last.round}")
                return
            self.progress.say(f"round {number} of {rounds}: {policy.name} drafts")
            after, done = await self._round(number, policy)
            self.rounds.append(done)
            policy = policy if decision.fell(done) else after

    async def _round(self, number: int, before: LoopModel) -> tuple[LoopModel, Round]:
        """Does the remaining parts of a round. Returns a pair of the policy that it trained, and the round."""
        plan, noted = self.plan, replace(self._begin(number), policy_before=before.model_id)
        if noted.state == "":
            noted = await self._drawn(noted, before)
        rows = self._folder(number) / "rows.jsonl"
        if noted.state == "generated" or not _has(rows, noted.figures.get("rows_sha256")):
            noted = await off_loop(self._exported, noted, rows)
        if plan.method.policy.start == VERIFIER:
            await self._verifier(noted, before)
        made = self._made.get((number, POLICY))
        if made is None or not await off_loop(is_whole, made, self._folder(number) / POLICY):
            facts = noted.dataset_id, rows, noted.figures["rows_sha256"]
            made = await self._trained(number, POLICY, before, *facts)
            noted = self._note(noted, "trained", policy_after=made.model_id, **_figures(noted, made))
        if plan.method.verifier:
            await self._verifier(noted, before)
        after = trained_model(made, self._folder(number) / POLICY)
        if noted.state != "evaluated":
            noted = await self._measured(noted, after)
        return after, noted

    async def _verifier(self, noted: Round, policy: LoopModel) -> None:
        """Trains the verifier of a round, unless it exists. Training begins with the first model, the previous
        verifier, or the policy that drew the drafts."""
        number, folder = noted.round, self._folder(noted.round)
        made = self._made.get((number, VERIFIER))
        if made and await off_loop(is_whole, made, folder / VERIFIER):
            return
        rows = folder / "verifier.jsonl"
        written = await off_loop(self._write_rows, noted, VERIFIER, rows)
        start = policy if self.plan.trained_parts[VERIFIER].start == POLICY else self._last_verifier(number)
        await self._trained(number, VERIFIER, start or self.plan.base, written.dataset_id, rows, file_digest(rows))

    def _last_verifier(self, number: int) -> LoopModel | None:
        """Returns the last verifier that an earlier round trained, or None."""
        earlier = [one for one in range(1, number) if (one, VERIFIER) in self._made]
        if not earlier:
            return None
        return trained_model(self._made[earlier[-1], VERIFIER], self._folder(earlier[-1]) / VERIFIER)

    async def _drawn(self, noted: Round, before: LoopModel) -> Round:
        """Draws and labels the trajectories of a round."""
        plan, replicate, begun = self.plan, self.plan.drawn_replicate(noted.round), time.monotonic()
        new = await self._new_questions(before, replicate)
        asked = {**await self._serving.asked(before), "replicate": replicate}
        found = await self._spend(
            lambda left: generate(
                [*plan.problems, *new],
                **{**plan.drawing, **self._searching(noted.round), **asked},
                **self._run(left),
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
            "failed": found.failed, "tokens": found.all_tokens, "drawing_s": _seconds(begun),
        }  # fmt: skip
        if plan.rewriting:
            figures["new_questions"] = len(new)
        runs = await off_loop(self._runs, found.recipe, replicate)
        return self._note(noted, "generated", generation_runs=runs, figures=figures)

    async def _new_questions(self, before: LoopModel, replicate: str) -> list[Problem]:
        """Makes new questions for a round, and returns the accepted ones."""
        plan = self.plan
        if plan.rewriting is None:
            return []
        asked = {**plan.rewriting, **await self._serving.asked(before), "replicate": replicate}
        found = await self._spend(lambda left: augment(list(plan.problems), **asked, **self._run(left)))
        self.progress.say(str(found))
        recipes = [method.recipe for method in found.methods]
        return await off_loop(accepted, self.store, recipes, replicate, plan.heldout)

    def _searching(self, number: int) -> dict[str, Any]:
        """Returns the arguments with which the last verifier grades the drafts of the strategy."""
        part, last = self.plan.method.verifier, self._last_verifier(number)
        if part is None or last is None or not part.searches:
            return {}
        return {
            "grader": part.grader,
            "arguments": {**self.plan.drawing["arguments"], **self.plan.judging(last.name)},
        }

    async def _labelled(self, recipe: str, replicate: str, before: LoopModel) -> Sequence[str]:
        """Grades the drafts with the method's grader, and returns the ids of the runs that did this."""
        labels = self.plan.method.labels
        if labels is None:
            return ()
        where = f"({labels.where}) AND recipe = {literal(recipe)} AND replicate = {literal(replicate)}"
        found, runs = await self._graded(labels.grader, where, flat(labels.arguments), before, replicate)
        if found.drafts and not (found.values or found.known):
            why = ", ".join(found.lost) or "no reason was given"
            raise TrainingError(
                f"{before.name} gave none of {plural(found.drafts, 'draft')} a value as grader {labels.grader!r}"
                f" ({why}):"
                " choose a --model that judges, or another --method"
            )
        return runs

    async def _graded(
        self, grader: str, where: str, arguments: Mapping[str, Any], model: LoopModel, replicate: str
    ) -> tuple[Annotation, Sequence[str]]:
        """Grades drafts. Returns the counts, and the ids of all runs with the same settings, because an earlier one may
        have been killed."""
        common = {name: value for name, value in self.plan.measuring.items() if name not in DRAWING_ALONE}
        common |= {**await self._serving.asked(model), "replicate": replicate}
        found = await self._spend(
            lambda left: annotate(
                grader=grader,
                where=where,
                arguments=arguments,
                **common,
                **self._run(left),
            )
        )
        sql = f"SELECT recipe FROM runs WHERE run_id = {literal(found.run_id)}"
        [(recipe,)] = (await off_loop(self.store.query, sql, patience=decision.PATIENCE)).rows
        return found, await off_loop(self._runs, recipe, replicate)

    def _exported(self, noted: Round, rows: Path) -> Round:
        """Writes the rows for the policy of a round."""
        made = self._write_rows(noted, POLICY, rows)
        figures = {**noted.figures, "rows": made.kept, "dropped": dict(made.dropped), "rows_sha256": file_digest(rows)}
        return self._note(noted, "exported", dataset_id=made.dataset_id, figures=figures)

    def _write_rows(self, noted: Round, role: str, rows: Path) -> DatasetResult:
        """Writes the rows for a model of a round. A format that pairs drafts by a grader's values uses only the values
        of the round's own labels."""
        plan, part = self.plan, self.plan.trained_parts[role]
        numbers = range(1 if part.rows == "all" else noted.round, noted.round)
        used = [*(self._noted[one] for one in numbers), noted]
        drawn = dict.fromkeys((one.generation_recipe or "", one.generation_replicate or "") for one in used)
        rows.parent.mkdir(parents=True, exist_ok=True)
        named = {"file": str(rows), "self_train": [noted.loop_id, noted.round]}
        format, factory, own, chain = plan.export_parts(role)
        if plan.method.labels and "runs" in signature(factory).parameters:
            own = {**own, "runs": [run for one in used for run in one.annotation_runs]}
        scope = Scope(drawn=tuple(drawn))
        return prepared(self.store, Target.of(rows), (format, factory, own, chain), scope, named).write()

    async def _trained(
        self, number: int, role: str, before: LoopModel, dataset_id: str | None, rows: Path, rows_sha256: str
    ) -> TrainedModel:
        """Trains a model of a round, and records it. Files of a killed training are removed first."""
        self._check_budget()
        plan, begun = self.plan, time.monotonic()
        folder, part = self._folder(number) / role, plan.trained_parts[role]
        start = plan.base if part.start == "base" else before
        trunk = self._made[number, VERIFIER] if part.start == VERIFIER else None
        await self._serving.stop()
        self.progress.say(f"round {number}: {plan.config['trainer']} trains {start.name} on {rows}")
        async with training_lock(folder.parent, self.progress.say) as lock:
            await off_loop(shutil.rmtree, folder, True)
            task = TrainingTask(
                rows=rows, base=start.name, out=folder, loss=part.loss, weights=start.weights,
                trunk=self._folder(number) / VERIFIER if trunk else None, say=self.progress.say,
                seed=plan.config["seed"], prompts=plan.measuring["prompts"], lock=lock,
            )  # fmt: skip
            trained = await self._spend(lambda left: self._trainers[role](task))
            files = await off_loop(model_files, folder)
        made = TrainedModel(
            loop_id=plan.loop_id,
            round=number,
            role=role,
            model_id=model_id(files),
            name=trained.model,
            parent_id=start.model_id,
            dataset_id=dataset_id,
            rows_file=str(rows),
            rows_sha256=rows_sha256,
            trainer=plan.config["trainer"],
            settings={
                "loss": part.loss,
                "seed": plan.config["seed"],
                **({"trunk": trunk.model_id} if trunk else {}),
                **plan.training[role],
            },
            files=files,
            figures={**trained.figures, "seconds": _seconds(begun)},
            run_id=self._run_id,
        )
        await off_loop(self.store.note_model, made)
        self._made[number, role] = made
        return made

    async def _measured(self, noted: Round, policy: LoopModel) -> Round:
        """Measures a policy on the held-out problems, which completes its round."""
        plan, replicate, begun = self.plan, self.plan.measured_replicate, time.monotonic()
        if noted.state == "evaluated":
            return noted
        self.progress.say(f"round {noted.round}: {policy.name} is measured on held-out problems")
        asked = {**await self._serving.asked(policy), "replicate": replicate}
        found = await self._spend(
            lambda left: generate(
                list(plan.heldout),
                **{**plan.measuring, **asked},
                **self._run(left),
            )
        )
        now = await off_loop(decision.shares, self.store, found.recipe, replicate)
        noted = replace(
            noted,
            policy_after=policy.model_id,
            evaluation_recipe=found.recipe,
            evaluation_replicate=replicate,
            evaluation_runs=await off_loop(self._runs, found.recipe, replicate),
            accuracy=decision.accuracy(now),
            figures={**noted.figures, "heldout": len(now), "measuring_s": _seconds(begun)},
        )
        if noted.round:
            before = next(one for one in reversed(self.rounds) if one.round == 0 or not decision.fell(one))
            change, gain = [
                decision.change(
                    now, await off_loop(decision.shares, self.store, one.evaluation_recipe or "", replicate)
                )
                for one in (before, self.rounds[0])
            ]
            follows, reason = decision.decide(change, self.rounds)
            noted = replace(noted, change=change, gain=gain, decision=follows, reason=reason)
        elif not now:
            raise TrainingError("no held-out problem could be judged: give problems with known answers by --heldout")
        return self._note(await self._watched(noted, policy), "evaluated")

    async def _watched(self, noted: Round, policy: LoopModel) -> Round:
        """Checks a measured round for signs of collapse. First the round's verifier grades its samples."""
        part, verifier = self.plan.method.verifier, self._made.get((noted.round, VERIFIER))
        if part and verifier:
            recipe, replicate = noted.evaluation_recipe or "", noted.evaluation_replicate or ""
            where = f"recipe = {literal(recipe)} AND replicate = {literal(replicate)}"
            _, runs = await self._graded(part.grader, where, self.plan.judging(verifier.name), policy, replicate)
            noted = replace(noted, figures={**noted.figures, VERIFIER_RUNS: list(runs)})
        asked = {**self.plan.measuring, **await self._serving.asked(policy)}
        losses = await reference_losses(self.plan.heldout, asked)
        tested = await off_loop(self._watch.observe, noted, losses, list(self.rounds))
        sounding = [f"{one.alarm}: {one.reason} (p = {one.p_value:.2g})" for one in tested if one.sounds]
        for alarm in sounding:
            self.progress.say(f"round {noted.round}: alarm, {alarm}")
        return replace(noted, figures={**noted.figures, "alarms": sounding})

    async def _spend(self, work: Callable[[Budget], Awaitable[T]]) -> T:
        """Does a part of a round with the remaining budget. Raises SpentError if the budget does not suffice."""
        self._check_budget()
        try:
            found = await self._budget.spend(work)
        except BudgetTooSmall as error:
            raise SpentError(str(error)) from error
        if spent := getattr(found, "spent", None):
            raise SpentError(spent)
        return found

    def _check_budget(self) -> None:
        """Raises SpentError if a limit of the budget is used up."""
        if self._budget.used_up:
            raise SpentError(f"the budget of {self._budget.whole} is used up")

    def _begin(self, number: int) -> Round:
        """Returns the recorded state of a round. A new round has no state."""
        new = Round(
            loop_id=self.plan.loop_id, round=number, state="", method=self._method, config=self.plan.config,
            run_id=self._run_id,
        )  # fmt: skip
        return self._noted.get(number, new)

    def _read(self) -> None:
        """Reads the results of earlier commands for the loop, and records its first model."""
        loop_id, base = self.plan.loop_id, self.plan.base
        self._noted = {one.round: one for one in self.store.rounds(loop_id)}
        self._made = {(one.round, one.role): one for one in self.store.models(loop_id)}
        if (0, POLICY) not in self._made:
            self._made[0, POLICY] = TrainedModel(
                loop_id=loop_id, round=0, role=POLICY, model_id=base.model_id, name=base.name, files=base.files,
                run_id=self._run_id,
            )  # fmt: skip
            self.store.note_model(self._made[0, POLICY])

    def _note(self, noted: Round, state: str, **facts: Any) -> Round:
        """Records the state of a round, and returns it."""
        now = replace(noted, state=state, run_id=self._run_id, **facts)
        self.store.note_round(now)
        self._noted[now.round] = now
        return now

    def _runs(self, recipe: str, replicate: str) -> tuple[str, ...]:
        found = self.store.query(RUNS.format(recipe=literal(recipe), replicate=literal(replicate)), patience=3600)
        return tuple(run_id for (run_id,) in found.rows)

    def _run(self, left: Budget) -> dict[str, Any]:
        return {"db": self.store, "progress": self.progress, "budget": left}

    def _folder(self, number: int) -> Path:
        return self.plan.folder / f"round-{number}"


def _figures(noted: Round, made: TrainedModel) -> dict[str, Any]:
    return {"figures": {**noted.figures, "training": dict(made.figures)}}


def _has(file: Path, known: str | None) -> bool:
    return file.is_file() and file_digest(file) == known


def _seconds(begun: float) -> float:
    return round(time.monotonic() - begun, 1)


def _reasons(failures: Mapping[str, int]) -> str:
    return "; ".join(f"{count} x {reason}" for reason, count in failures.items()) or "no reason was given"


DRAWING_ALONE = ("strategy", "samples", "temperature", "replicate")
"""Arguments of drawing that do not apply to grading."""
RUNS = """
SELECT DISTINCT run_id FROM raw.commits WHERE recipe = {recipe} AND replicate = {replicate} ORDER BY run_id"""
