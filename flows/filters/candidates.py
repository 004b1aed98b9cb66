"""The stored trajectories that may enter a dataset, each with the draft that represents it."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter

from redraft.store.errors import StoreError
from redraft.store.tables.sql import literal
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
    shares_question: bool = True  # whether another problem of the store may ask the same question


def candidates(store: Store, run: str | None = None) -> Generator[Candidate]:
    """Yields every stored trajectory, or every trajectory of one run, ordered by problem and sample. One statement
    reads them; the store is held until its last row, or until the generator is closed. Raises
    StoreError if the run does not exist."""
    if run is not None and not store.query(f"FROM runs WHERE run_id = {literal(run)}", patience=PATIENCE).rows:
        raise StoreError(f'no run {run!r} in {store.path}: list them with `redraft query "FROM runs"`')
    these = "true" if run is None else f"p.run_id = {literal(run)}"
    with closing(store.parts(DRAFTS.format(these=these), patience=PATIENCE)) as parts:
        for _, drafts in groupby(chain.from_iterable(parts), itemgetter(0)):
            yield _candidate(list(drafts))


def _candidate(drafts: Sequence[tuple]) -> Candidate:
    """Returns a trajectory from the rows of its drafts."""
    turns = tuple([Turn(*row[FACTS:]) for row in drafts])
    best = max(range(len(turns)), key=lambda index: (turns[index].correct is True, turns[index].turn))
    (
        trajectory_id, problem_id, question, failed, chosen, oracle_used, reason, split, role, known_answer, shared,
        stop, tokens, turn, text, answer, correct, *_
    ) = drafts[best]  # fmt: skip
    return Candidate(
        trajectory_id, problem_id, question, turn, text, answer, correct, tokens, "failed" if failed else stop, chosen,
        oracle_used, reason, split, role, turns, known_answer, shared,
    )  # fmt: skip


PATIENCE = 3600.0  # seconds that a stage waits for a run that is writing
FACTS = 13  # columns of DRAFTS before those of a Turn

DRAFTS = """
WITH aided AS (  -- units with first drafts that the model did not write alone
    SELECT DISTINCT unit_id, attempt FROM raw.steps WHERE "by" <> 'model' AND turn = 1
), stored AS (
    SELECT t.*, p.problem_id, p.recipe, p.replicate, t.turns = 1 AND a.unit_id IS NULL AS one_draft
    FROM raw.trajectories t JOIN raw.published p USING (unit_id, attempt) LEFT JOIN aided a USING (unit_id, attempt)
    WHERE t.role <> 'rollout' AND {these}
), drafts AS (
    SELECT unit_id, attempt, d.trajectory_id, d.turn, d.leaf_step_id, split_part(d.leaf_step_id, '.', 1) AS root
    FROM raw.turns d JOIN stored t USING (unit_id, attempt, trajectory_id) WHERE NOT t.one_draft
), written AS (
    SELECT unit_id, attempt, turn, step_id, split_part(step_id, '.', 1) AS root, "by", tokens FROM raw.steps
), sizes AS (
    SELECT d.trajectory_id, d.turn, sum(s.tokens) FILTER (s."by" = 'model')::BIGINT AS tokens,
           bool_or(s."by" = 'review' AND s.step_id <> d.leaf_step_id) AS reviewed
    FROM drafts d JOIN written s USING (unit_id, attempt, turn, root)
    WHERE starts_with(d.leaf_step_id || '.', s.step_id || '.') GROUP BY ALL
), asked AS (
    SELECT problem_id, question, split, answer, count(*) OVER (PARTITION BY question) > 1 AS shared FROM problems
)
SELECT t.trajectory_id, t.problem_id, q.question, t.stop IS NOT DISTINCT FROM 'failed', t.chosen, t.oracle_used,
       t.reason, q.split, t.role, q.answer, q.shared, d.stop,
       CASE WHEN t.one_draft THEN t.tokens ELSE coalesce(s.tokens, 0) END,
       d.turn, d.text, d.answer, o.correct, d.feedback, d.leaf_step_id, coalesce(s.reviewed, false)
FROM stored t JOIN asked q USING (problem_id) JOIN raw.turns d USING (unit_id, attempt, trajectory_id)
LEFT JOIN raw.oracle o ON o.trajectory_id = t.trajectory_id AND o.turn = d.turn
LEFT JOIN sizes s ON s.trajectory_id = t.trajectory_id AND s.turn = d.turn
ORDER BY t.problem_id, t.recipe, t.replicate, t.sample, t.trajectory_id, d.turn"""
