"""What a round of self-training trains: the rows of its policy and its verifier, and the models."""

import shutil
import time
from collections.abc import Mapping
from inspect import signature
from pathlib import Path

from redraft.flows.dataset_files.target import Target
from redraft.flows.export import prepared
from redraft.flows.filter import DatasetResult
from redraft.flows.filters.sifting.filter_sql import Scope
from redraft.flows.self_training.loop_drafts import seconds
from redraft.flows.self_training.loop_state import LoopState
from redraft.flows.self_training.models import LoopModel, file_digest, is_whole, model_files, model_id, trained_model
from redraft.flows.self_training.plan import POLICY, VERIFIER
from redraft.flows.self_training.training_lock import training_lock
from redraft.flows.trainers.trainer import Trainer, TrainingTask
from redraft.store.tables.rounds import Round, TrainedModel
from redraft.store.waiting import off_loop


class LoopTraining:
    """Makes the rows of the rounds of a loop, and trains their models. `trainers` are by the role of the model."""

    def __init__(self, state: LoopState, trainers: Mapping[str, Trainer]) -> None:
        self._state, self._trainers = state, trainers

    async def trained(self, noted: Round, before: LoopModel) -> tuple[LoopModel, Round]:
        """Writes the rows of a round, and trains its models, as far as they are not there. Returns the policy, and the
        round."""
        state, number = self._state, noted.round
        method, folder = state.plan.method, state.folder(number)
        rows = folder / "rows.jsonl"
        if noted.state == "generated" or not _has(rows, noted.figures.get("rows_sha256")):
            noted = await off_loop(self._exported, noted, rows)
        if method.policy.start == VERIFIER:
            await self._verifier(noted, before)
        made = state.made.get((number, POLICY))
        if made is None or not await off_loop(is_whole, made, folder / POLICY):
            facts = noted.dataset_id, rows, noted.figures["rows_sha256"]
            made = await self._model(number, POLICY, before, *facts)
            figures = {**noted.figures, "training": dict(made.figures)}
            noted = state.note(noted, "trained", policy_after=made.model_id, figures=figures)
        if method.verifier:
            await self._verifier(noted, before)
        return trained_model(made, folder / POLICY), noted

    async def _verifier(self, noted: Round, policy: LoopModel) -> None:
        """Trains the verifier of a round, unless it exists. Training begins with the first model, the previous
        verifier, or the policy that drew the drafts."""
        state, number = self._state, noted.round
        folder, made = state.folder(number), state.made.get((number, VERIFIER))
        if made and await off_loop(is_whole, made, folder / VERIFIER):
            return
        rows = folder / "verifier.jsonl"
        written = await off_loop(self._write_rows, noted, VERIFIER, rows)
        start = policy if state.plan.trained_parts[VERIFIER].start == POLICY else state.last_verifier(number)
        await self._model(number, VERIFIER, start or state.plan.base, written.dataset_id, rows, file_digest(rows))

    def _exported(self, noted: Round, rows: Path) -> Round:
        """Writes the rows for the policy of a round."""
        made = self._write_rows(noted, POLICY, rows)
        figures = {**noted.figures, "rows": made.kept, "dropped": dict(made.dropped), "rows_sha256": file_digest(rows)}
        return self._state.note(noted, "exported", dataset_id=made.dataset_id, figures=figures)

    def _write_rows(self, noted: Round, role: str, rows: Path) -> DatasetResult:
        """Writes the rows for a model of a round. A format that pairs drafts by a grader's values uses only the values
        of the round's own labels."""
        state, plan = self._state, self._state.plan
        numbers = range(1 if plan.trained_parts[role].rows == "all" else noted.round, noted.round)
        used = [*(state.noted[one] for one in numbers), noted]
        drawn = dict.fromkeys((one.generation_recipe or "", one.generation_replicate or "") for one in used)
        rows.parent.mkdir(parents=True, exist_ok=True)
        named = {"file": str(rows), "self_train": [noted.loop_id, noted.round]}
        format, factory, own, chain = plan.export_parts(role)
        if plan.method.labels and "runs" in signature(factory).parameters:
            own = {**own, "runs": [run for one in used for run in one.annotation_runs]}
        scope = Scope(drawn=tuple(drawn), samples=plan.drawing["samples"])
        return prepared(state.store, Target.of(rows), (format, factory, own, chain), scope, named).write()

    async def _model(
        self, number: int, role: str, before: LoopModel, dataset_id: str | None, rows: Path, rows_sha256: str
    ) -> TrainedModel:
        """Trains a model of a round, and records it. Files of a killed training are removed first."""
        state, plan, begun = self._state, self._state.plan, time.monotonic()
        state.check_budget()
        folder, part = state.folder(number) / role, plan.trained_parts[role]
        start = plan.base if part.start == "base" else before
        trunk = state.made[number, VERIFIER] if part.start == VERIFIER else None
        await state.serving.stop()
        say = state.progress.say
        say(f"round {number}: {plan.config['trainer']} trains {start.name} on {rows}")
        async with training_lock(folder.parent, say) as lock:
            await off_loop(shutil.rmtree, folder, True)
            task = TrainingTask(
                rows=rows, base=start.name, out=folder, loss=part.loss, weights=start.weights,
                trunk=state.folder(number) / VERIFIER if trunk else None, say=say, seed=plan.config["seed"],
                prompts=plan.measuring["prompts"], lock=lock,
            )  # fmt: skip
            trained = await state.spend(lambda left: self._trainers[role](task))
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
            figures={**trained.figures, "seconds": seconds(begun)},
            run_id=state.run_id,
        )
        await off_loop(state.note_model, made)
        return made


def _has(file: Path, known: str | None) -> bool:
    return file.is_file() and file_digest(file) == known
