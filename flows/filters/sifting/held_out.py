"""Held-out problems: training leaves out the problems that are kept for measuring, and `evaluate` leaves out the
problems that an export for training contains."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from redraft.store.digest import question_key
from redraft.store.sources.split import is_held_out
from redraft.store.tables.sql import one_of
from redraft.store.tables.store import Store

PATIENCE = 3600.0  # the time limit in seconds for another run to stop writing


@dataclass(frozen=True, slots=True)
class ProblemNotes:
    """Problems of a store, each with a note. A note is found by the problem's id or by the problem's text, because
    several files may contain the same question."""

    by_id: Mapping[str, str] = field(default_factory=dict)
    by_question: Mapping[int, str] = field(default_factory=dict)  # by `question_key`

    def note(self, question: str, problem_id: str | None = None) -> str | None:
        """Returns the note on a problem, or None if it has none."""
        return self.by_id.get(problem_id or "") or self.by_question.get(question_key(question))


def held_out(store: Store) -> ProblemNotes:
    """Returns the problems of held-out splits (see `store.sources.split.is_held_out`), and the problems that were made
    from those problems. The note of each is the reason why it is held out. Raises StoreError."""
    splits = [split for (split,) in store.query(SPLITS, patience=PATIENCE).rows]
    found = store.query(DESCENDANTS.format(held=one_of("split", list(filter(is_held_out, splits)))), patience=PATIENCE)
    by_id = {
        problem_id: f"of split {split}" if own else f"made from a problem of split {split}"
        for problem_id, _, split, own in found.rows
    }
    return ProblemNotes(
        by_id,
        _by_question((question, f"asks what a problem of split {split} asks") for _, question, split, _ in found.rows),
    )


def notes(store: Store) -> dict[str, str]:
    """Returns a dict from the ids of all held-out problems to the reasons why they are held out. Raises StoreError."""
    known = held_out(store)
    if not known.by_id:
        return {}
    problems = store.query("SELECT problem_id, question FROM problems", patience=PATIENCE).rows
    return {problem_id: note for problem_id, question in problems if (note := known.note(question, problem_id))}


def trained_on(store: Store) -> ProblemNotes:
    """Returns the problems with a row in an export, and the problems that they were made from. The note of each problem
    names the first dataset with such a row. Raises StoreError."""
    found = store.exported()
    by_id = {problem_id: dataset for problem_id, _, dataset in found}
    return ProblemNotes(by_id, {key: dataset for _, key, dataset in found if key is not None})


def _by_question(found: Iterable[tuple[str, str]]) -> dict[int, str]:
    return {question_key(question): note for question, note in found}


SPLITS = "SELECT DISTINCT split FROM raw.newest_problems"
DESCENDANTS = """
WITH RECURSIVE held AS (
    SELECT problem_id, question, split, true AS own FROM raw.newest_problems WHERE {held}
    UNION
    SELECT p.problem_id, p.question, h.split, false
    FROM raw.newest_problems p JOIN held h ON p.parent_id = h.problem_id
)
SELECT problem_id, any_value(question), max(split), bool_or(own) FROM held GROUP BY problem_id ORDER BY problem_id"""
