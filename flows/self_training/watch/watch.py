"""Measures each round of a loop for signs of collapse, and records the results."""

from collections.abc import Mapping, Sequence
from typing import Any

from redraft.flows.self_training.decision import PATIENCE
from redraft.flows.self_training.watch.alarms import alarms
from redraft.flows.self_training.watch.indicators import Key, Values, estimates, pooled, problem_values
from redraft.flows.self_training.watch.samples import Held, read_samples
from redraft.store.tables.collapse import Alarm, ReferenceLoss, Watched
from redraft.store.tables.rounds import Round
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store

VERIFIER_RUNS = "verifier_runs"
"""The key in a round's measurements for the runs in which the verifier graded the held-out samples."""


class Watch:
    """The watch over one loop. Each indicator is compared with the first round that has it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._first: Mapping[str, Held] | None = None
        self._since: dict[Key, tuple[int, Mapping[str, float]]] = {}
        self._read: set[int] = set()

    def observe(self, noted: Round, losses: Sequence[ReferenceLoss], earlier: Sequence[Round]) -> Sequence[Alarm]:
        """Measures a round whose held-out samples are in the store, records the result, and returns the tests of all
        alarms, including those that are not raised."""
        for one in earlier:
            if one.round not in self._read:
                self._compare_with(one, self._values(one, self._store.reference_losses(one.loop_id, one.round)))
        held = self._held(noted)
        now = self._values(noted, losses, held)
        found = Watched(
            [*estimates(now, self._since), *pooled(held, self._kept(noted))],
            alarms(now, self._since) if noted.round else (),
            losses,
        )
        self._store.note_watched(noted.loop_id, noted.round, found)
        self._compare_with(noted, now)
        return found.alarms

    def _values(self, noted: Round, losses: Sequence[ReferenceLoss], held: Mapping[str, Held] | None = None) -> Values:
        held = self._held(noted) if held is None else held
        if self._first is None:
            self._first = held
        return problem_values(held, {one.problem_id: one.loss for one in losses}, self._first)

    def _held(self, noted: Round) -> Mapping[str, Held]:
        places = noted.evaluation_recipe or "", noted.evaluation_replicate or ""
        return read_samples(self._store, *places, noted.figures.get(VERIFIER_RUNS, ()))

    def _compare_with(self, noted: Round, values: Values) -> None:
        self._read.add(noted.round)
        for key, each in values.items():
            self._since.setdefault(key, (noted.round, each))

    def _kept(self, noted: Round) -> list[int]:
        """Returns the number of rows of each problem of a round, including 0 for problems without rows."""
        if noted.dataset_id is None:
            return []
        places: dict[str, Any] = {
            "dataset_id": literal(noted.dataset_id),
            "recipe": literal(noted.generation_recipe),
            "replicate": literal(noted.generation_replicate),
        }
        return [count for (count,) in self._store.query(KEPT.format(**places), patience=PATIENCE).rows]


KEPT = """
WITH kept AS (
    SELECT t.problem_id, count(DISTINCT d."row") AS kept FROM dataset_rows d JOIN trajectories t USING (trajectory_id)
    WHERE d.dataset_id = {dataset_id} AND d."row" IS NOT NULL GROUP BY ALL
), drawn AS (
    SELECT DISTINCT problem_id FROM raw.published WHERE recipe = {recipe} AND replicate = {replicate}
)
SELECT coalesce(kept, 0) FROM drawn FULL JOIN kept USING (problem_id) ORDER BY problem_id"""
