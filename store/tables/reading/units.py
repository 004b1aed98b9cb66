"""Reads everything that the store has about each unit of work, one unit at a time, so that only one unit is in
memory."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from redraft.store.tables.reading.trajectories import STEP
from redraft.store.tables.reading.trees import PLACES

if TYPE_CHECKING:
    from redraft.store.tables.store import Store

Facts = Mapping[str, Any]
"""A row: the values by column name."""


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """The rows of a unit: the run that published it, its problem, its steps, its drafts ordered by trajectory and turn,
    its grades in the order in which they were given, and the calls of all its attempts. Rollouts are left out."""

    run: Facts
    problem: Facts
    steps: list[Facts]
    drafts: list[Facts]
    grades: list[Facts]
    calls: list[Facts]


def read_units(store: "Store", patience: float) -> Generator[tuple[str, UnitFacts]]:
    """Yields the pair (unit id, rows) of every published unit, in the order of candidates (problem, recipe,
    replicate)."""
    with ExitStack() as stack:

        def rows(columns: tuple[str, ...], source: str) -> Iterator[tuple[int, list[Facts]]]:
            sql = f"{PLACES} SELECT places.place, {', '.join(columns)} {source}"
            parts = stack.enter_context(closing(store.parts(sql, patience=patience)))
            names = [column.rpartition(" ")[2].rpartition(".")[2].strip('"') for column in columns]
            for place, found in groupby(chain.from_iterable(parts), itemgetter(0)):
                yield place, [dict(zip(names, row[1:], strict=True)) for row in found]

        others = [_Beside(rows(columns, source)) for columns, source in (PROBLEMS, STEPS, DRAFTS, GRADES, CALLS)]
        for place, [run] in rows(*RUNS):
            [problem], *found = [other.of(place) for other in others]
            yield run["unit_id"], UnitFacts(run, problem, *found)


class _Beside:
    """Rows in groups by place. The places must be requested in increasing order; some places have no rows."""

    def __init__(self, rows: Iterator[tuple[int, list[Facts]]]) -> None:
        self._rows = rows
        self._next: tuple[int, list[Facts]] | None = (-1, [])

    def of(self, place: int) -> list[Facts]:
        while self._next and self._next[0] < place:
            self._next = next(self._rows, None)
        return self._next[1] if self._next and self._next[0] == place else []


RUNS = (
    ("p.unit_id", "p.recipe", "r.run_id", "r.strategy", "r.model", "r.version", "epoch(r.started_at) AS started_at"),
    """FROM places JOIN raw.published p USING (commit_id) LEFT JOIN runs r USING (run_id) ORDER BY places.place""",
)
PROBLEMS = (
    (
        "q.problem_id", "q.source", "q.split", "q.question", "q.answer", "q.kind", "q.level", "q.subject",
        "q.parent_id", "q.augmentation", "q.meta",
    ),
    "FROM places JOIN raw.published p USING (commit_id) JOIN problems q USING (problem_id) ORDER BY places.place",
)  # fmt: skip
STEPS = (STEP, "FROM raw.steps JOIN places USING (commit_id) ORDER BY places.place, step_id")
DRAFTS = (
    (
        "j.trajectory_id", "j.turn", "j.sample", "j.role", "j.leaf_step_id", "j.end_step_id", "j.answer", "j.stop",
        "j.correct", "j.score", "j.chosen", "j.ended", "j.oracle_used", "j.reason",
    ),
    "FROM raw.judged j JOIN places USING (commit_id) WHERE j.role <> 'rollout' ORDER BY places.place, j.sample, 2, 3",
)  # fmt: skip
GRADES = (
    (
        "g.trajectory_id", "g.step_id", "g.turn", "g.grader", "g.grader_model", "g.verdict", "g.value", "g.p_good",
        "g.p_neutral", "g.p_bad", "g.n", "g.lo", "g.hi", "g.reason",
    ),
    "FROM grades g JOIN places ON places.unit_id = regexp_extract(g.trajectory_id, '^[^:/]*')"
    " ORDER BY places.place, g.graded_at, 2, 4, 5, 6, g.step_id",
)  # fmt: skip
CALLS = (
    (
        "c.call_id", "c.purpose", "c.place", "c.first_sample", "c.n", "c.model", "c.prompt_hash", "c.params",
        "c.prompt_tokens", "c.completion_tokens", "c.cached_tokens", "c.reasoning_tokens", "c.cost_usd", "c.latency_ms",
        "c.attempts", "c.finish_reason", "c.error", "c.response", "epoch(c.answered_at) AS answered_at",
    ),
    "FROM calls c JOIN places USING (unit_id) ORDER BY places.place, c.answered_at, c.call_id",
)  # fmt: skip
