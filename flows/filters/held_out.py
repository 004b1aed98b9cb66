"""Problems that are kept to measure by: training leaves out those that are held out, and `evaluate` those that training
has drawn."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from redraft.store.sources.split import is_held_out
from redraft.store.tables.sql import one_of
from redraft.store.tables.store import Store

PATIENCE = 3600.0  # seconds: a stage waits for a run that is writing


@dataclass(frozen=True, slots=True)
class Known:
    """Problems of a store, with what is to be said of each: by their ids and, since one question may stand in several
    files, by their texts."""

    by_id: Mapping[str, str] = field(default_factory=dict)
    by_question: Mapping[str, str] = field(default_factory=dict)

    def why(self, question: str, problem_id: str | None = None) -> str | None:
        """What is said of a problem; None if it is not among them."""
        return self.by_id.get(problem_id or "") or self.by_question.get(_key(question))


def held_out(store: Store) -> Known:
    """The problems of held-out splits (`split.is_held_out`), and those that were made from them, each with its
    reason. Raises StoreError."""
    splits = [split for (split,) in store.query("SELECT DISTINCT split FROM problems", patience=PATIENCE).rows]
    found = store.query(DESCENDANTS.format(held=one_of("split", list(filter(is_held_out, splits)))), patience=PATIENCE)
    by_id = {
        problem_id: f"of split {split}" if own else f"made from a problem of split {split}"
        for problem_id, _, split, own in found.rows
    }
    return Known(
        by_id,
        _by_question((question, f"asks what a problem of split {split} asks") for _, question, split, _ in found.rows),
    )


def trained_on(store: Store) -> Known:
    """The problems that an export has kept a row of, and those that they were made from, each with the newest such
    dataset. Raises StoreError."""
    found = store.query(EXPORTED, patience=PATIENCE).rows
    by_id = {problem_id: dataset for problem_id, _, dataset in found}
    return Known(by_id, _by_question((question, dataset) for _, question, dataset in found))


def _by_question(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {_key(question): said for question, said in found}


def _key(question: str) -> str:
    """The question without what a copy may change: capitals, and the spaces between words."""
    return " ".join(question.casefold().split())


DESCENDANTS = """
WITH RECURSIVE held AS (
    SELECT problem_id, question, split, true AS own FROM problems WHERE {held}
    UNION
    SELECT p.problem_id, p.question, h.split, false FROM problems p JOIN held h ON p.parent_id = h.problem_id
)
SELECT problem_id, any_value(question), max(split), bool_or(own) FROM held GROUP BY problem_id ORDER BY problem_id"""

EXPORTED = """
WITH RECURSIVE exported AS (
    SELECT p.problem_id, p.question, p.parent_id, r.dataset_id
    FROM dataset_rows r JOIN datasets d USING (dataset_id) JOIN raw.trajectories t USING (trajectory_id)
    JOIN raw.commits c USING (unit_id, attempt) JOIN problems p USING (problem_id)
    WHERE d.format <> 'trajectories' AND r."row" IS NOT NULL
    UNION
    SELECT p.problem_id, p.question, p.parent_id, e.dataset_id
    FROM problems p JOIN exported e ON p.problem_id = e.parent_id
)
SELECT problem_id, any_value(question), max(dataset_id) FROM exported GROUP BY problem_id ORDER BY problem_id"""
