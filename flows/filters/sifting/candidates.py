"""The stored trajectories that may enter a dataset, each with the draft that represents it."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

from redraft.flows.filters.sifting.filter_sql import Judge, Scope, sifted
from redraft.store.errors import StoreError
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store


@dataclass(frozen=True, slots=True)
class Turn:
    """One draft of a trajectory, and the feedback before it. The feedback is None for a first draft, and "" for an
    independent draft. `leaf_step_id` identifies the draft: trajectories that branch later share it. `reviewed` is True
    if the feedback is the writer's own review of its draft."""

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

    `correct` is None if the answer is not known, or if the oracle could not decide. `tokens` is the number of tokens of
    the representing draft.
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
    reason: str | None  # why the trajectory failed, if it failed
    split: str | None = None  # the split of its problem
    role: str = "sample"  # or "search", for trajectories that are no independent samples
    turns: tuple[Turn, ...] = ()  # all drafts of the trajectory, in order
    known_answer: str | None = None  # as the source gives it: a number, a solution, tests, a rubric
    shares_question: bool = True  # whether another problem of the store may ask the same question
    signature: int | None = None  # equal for drafts with the same equations and answer; None if blank
    by_equations: bool = False  # True if the signature comes from equations, not from the text
    wrong_equation: str | None = None  # the draft's first equation that does not hold
    verdicts: tuple[str | None, ...] = ()  # results of filters that DuckDB evaluates after a Python filter


def candidates(store: Store, run: str | None = None) -> Generator[Candidate]:
    """Yields every stored trajectory, or every trajectory of one run, ordered by problem and sample. A single SQL
    statement reads them. The store is kept open until the last row is read or the generator is closed. Raises
    StoreError if the run does not exist."""
    for _, candidate in sifted_candidates(store, (), Scope(run)):
        assert isinstance(candidate, Candidate)  # without filters, nothing is dropped
        yield candidate


def sifted_candidates(
    store: Store,
    judges: Sequence[Judge],
    scope: Scope = Scope(),  # noqa: B008 - frozen
    held_out: Mapping[str, str] | None = None,
    later: Sequence[Judge] = (),
) -> Generator[tuple[str, Candidate | str]]:
    """Yields a pair for each trajectory: its id, and the candidate or the reason why it is dropped (see `sifted`). The
    order and the exceptions are those of `candidates`. The judges in `later` drop nothing: their results are stored in
    `verdicts` of the candidate."""
    check_run(store, scope.run)
    whole, rest = sifted(judges, scope, held_out), _verdicts(later) + KEPT
    # Two statements would need less memory, but the facts of the later judges may refer to tables of the first
    # statement.
    tables = {} if later else {"sifted": f"{whole} FROM sifted"}
    statement = f"WITH {rest}" if tables else f"{whole}, {rest}"
    with closing(store.parts(statement, tables=tables, patience=PATIENCE)) as parts:
        drafts: list[tuple] = []
        for row in chain.from_iterable(parts):
            if drafts and drafts[0][0] != row[0]:
                yield drafts[0][1], _candidate(drafts)
                drafts = []
            if row[2] is None:
                drafts.append(row)
            else:
                yield row[1], row[2]
        if drafts:
            yield drafts[0][1], _candidate(drafts)


def _verdicts(later: Sequence[Judge]) -> str:
    """Returns the definition of the table `verdicts` for a WITH clause. For each candidate that is not dropped, the
    table has the list of the judges' reasons."""
    kept, names = "(FROM sifted WHERE dropped IS NULL)", [f"v{number}" for number in range(len(later))]
    tables = [
        f"{name} AS (SELECT judged.place, {judge.sql} AS said FROM {judge.joined(kept)})"
        for name, judge in zip(names, later, strict=True)
    ]
    said = "".join(f", {name}.said" for name in names).removeprefix(", ")
    joins = "".join(f" JOIN {name} ON {name}.place = s.place" for name in names)
    verdicts = f"verdicts AS (SELECT s.*, [{said}]::VARCHAR[] AS verdicts FROM sifted s{joins})"
    return ", ".join([*tables, verdicts])


def check_run(store: Store, run: str | None) -> None:
    """Raises StoreError if the run does not exist."""
    if run is not None and not store.query(f"FROM runs WHERE run_id = {literal(run)}", patience=PATIENCE).rows:
        raise StoreError(f'no run {run!r} in {store.path}: list them with `redraft query "FROM runs"`')


def _candidate(drafts: Sequence[tuple]) -> Candidate:
    """Returns the candidate of a trajectory, from the rows of its drafts."""
    turns = tuple([Turn(*row[FACTS:]) for row in drafts])
    best = next(index for index, turn in enumerate(turns) if turn.turn == drafts[0][3])
    (
        _, trajectory_id, _, _, problem_id, question, failed, chosen, oracle_used, reason, split, role, known_answer,
        shared, stop, tokens, signature, by_equations, wrong_equation, verdicts, turn, text, answer, correct, *_
    ) = drafts[best]  # fmt: skip
    return Candidate(
        trajectory_id, problem_id, question, turn, text, answer, correct, tokens, "failed" if failed else stop, chosen,
        oracle_used, reason, split, role, turns, known_answer, shared, signature, by_equations, wrong_equation,
        tuple(verdicts),
    )  # fmt: skip


PATIENCE = 3600.0  # the time limit in seconds for another run to stop writing
FACTS = 20  # the number of columns of KEPT before those of a Turn

KEPT = """, asked AS (
    SELECT problem_id, question, split, answer, hash(question) IN (
        SELECT hash(question) FROM raw.newest_problems GROUP BY ALL HAVING count(*) > 1) AS shared
    FROM raw.newest_problems
)
SELECT s.place, s.trajectory_id, NULL, s.turn, j.problem_id, q.question, j.ended IS NOT DISTINCT FROM 'failed',
       j.chosen, j.oracle_used, j.reason, q.split, j.role, q.answer, q.shared, j.stop, j.tokens, j.signature,
       j.by_equations, j.wrong_equation, s.verdicts, j.turn, j.text, j.answer, j.correct, j.feedback, j.leaf_step_id,
       j.reviewed
FROM verdicts s JOIN raw.judged j ON j.commit_id = s.commit_id AND j.path_id = s.path_id JOIN asked q
    ON q.problem_id = j.problem_id
WHERE s.dropped IS NULL
UNION ALL
SELECT place, trajectory_id, dropped, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM sifted WHERE dropped IS NOT NULL
ORDER BY 1, 21"""
