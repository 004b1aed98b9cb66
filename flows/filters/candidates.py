"""The stored trajectories that may enter a dataset, each with the draft that represents it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from redraft.store.errors import StoreError
from redraft.store.tables.sql import literal, one_of
from redraft.store.tables.store import Store


@dataclass(frozen=True, slots=True)
class Turn:
    """One draft of a trajectory, and the feedback that led to it: None for a first draft, "" for an independent draft.
    `leaf_step_id` identifies the draft: trajectories that part later share it. `reviewed`: the feedback is the writer's
    own review of its draft."""

    turn: int
    text: str
    answer: str | None
    correct: bool | None
    feedback: str | None
    leaf_step_id: str | None = None
    reviewed: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trajectory, represented by its last right draft, or by its last draft if none is right.

    `correct` is None if the answer is not known or the oracle could not decide. `tokens` counts the tokens of this
    draft.
    """

    trajectory_id: str
    problem_id: str
    question: str
    turn: int
    text: str
    answer: str | None
    correct: bool | None
    tokens: int
    stop: str | None
    chosen: bool
    oracle_used: bool
    reason: str | None  # of a failed trajectory
    split: str | None = None  # of its problem
    role: str = "sample"  # or "search", for trajectories that were explored beside the samples
    turns: tuple[Turn, ...] = ()  # all of its drafts, in order
    known_answer: str | None = None  # of its problem, as the source gives it: a number, a solution, tests, a rubric


def candidates(store: Store, run: str | None = None) -> Iterator[Candidate]:
    """Yields every stored trajectory, or every trajectory of one run, ordered by problem and sample. It reads a
    thousand problems at a time. Raises StoreError if the run does not exist."""
    if run is not None and not store.query(f"FROM runs WHERE run_id = {literal(run)}", patience=PATIENCE).rows:
        raise StoreError(f'no run {run!r} in {store.path}: list them with `redraft query "FROM runs"`')
    where = "true" if run is None else f"run_id = {literal(run)}"
    found = store.query(f"SELECT DISTINCT problem_id FROM trajectories WHERE {where} ORDER BY ALL", patience=PATIENCE)
    ids = [problem_id for (problem_id,) in found.rows]
    for start in range(0, len(ids), PROBLEMS_PER_QUERY):
        these = f"{where} AND {one_of('problem_id', ids[start : start + PROBLEMS_PER_QUERY])}"
        drafts, turns = store.queries(DRAFTS.format(these=these), TURNS.format(these=these), patience=PATIENCE)
        turns_by_id = _turns_by_id(turns.rows)
        for row in drafts.rows:
            *facts, known_answer = row
            yield Candidate(*facts, turns=turns_by_id[row[0]], known_answer=known_answer)


def _turns_by_id(rows: Sequence[tuple]) -> Mapping[str, tuple[Turn, ...]]:
    found: dict[str, list[Turn]] = defaultdict(list)
    for trajectory_id, *facts in rows:
        found[trajectory_id].append(Turn(*facts))
    return {trajectory_id: tuple(turns) for trajectory_id, turns in found.items()}


PROBLEMS_PER_QUERY = 1000
PATIENCE = 3600.0  # seconds that a stage waits for a run that is writing

DRAFTS = """
WITH stored AS (
    SELECT t.*, p.question, p.split, p.answer AS known_answer FROM trajectories t JOIN problems p USING (problem_id)
    WHERE t.role <> 'rollout' AND {these}
), drafts AS (
    SELECT p.trajectory_id, p.problem_id, p.unit_id, p.question, p.split, p.known_answer, d.turn, d.text, d.answer,
           d.correct,
           d.leaf_step_id, d.stop, p.chosen, p.oracle_used, p.reason, p.role, p.recipe, p.replicate, p.sample,
           p.stop = 'failed' AS failed
    FROM stored p JOIN turns d USING (trajectory_id)
    QUALIFY row_number() OVER (
        PARTITION BY p.trajectory_id ORDER BY coalesce(d.correct, false) DESC, d.turn DESC) = 1
), sizes AS (
    SELECT d.trajectory_id, sum(s.tokens)::BIGINT AS tokens
    FROM drafts d JOIN steps s ON s.unit_id = d.unit_id AND s.turn = d.turn AND s."by" = 'model'
        AND (s.step_id = d.leaf_step_id OR starts_with(d.leaf_step_id, s.step_id || '.'))
    GROUP BY ALL
)
SELECT d.trajectory_id, d.problem_id, d.question, d.turn, d.text, d.answer, d.correct, coalesce(s.tokens, 0),
       CASE WHEN d.failed THEN 'failed' ELSE d.stop END, d.chosen, d.oracle_used, d.reason, d.split,
       d.role, d.known_answer
FROM drafts d LEFT JOIN sizes s USING (trajectory_id)
ORDER BY d.problem_id, d.recipe, d.replicate, d.sample, d.trajectory_id"""

TURNS = """
SELECT d.trajectory_id, d.turn, d.text, d.answer, d.correct, d.feedback, d.leaf_step_id,
       EXISTS (FROM steps s WHERE s.unit_id = d.unit_id AND s.turn = d.turn AND s."by" = 'review'
               AND starts_with(d.leaf_step_id, s.step_id || '.'))
FROM turns d SEMI JOIN (FROM trajectories WHERE role <> 'rollout' AND {these}) t USING (trajectory_id)
ORDER BY d.trajectory_id, d.turn"""
