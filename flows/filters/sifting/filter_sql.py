"""The SQL that reads the trajectories of a dataset in order, and drops those that filters with an SQL form reject."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from redraft.store.json_records import texts
from redraft.store.tables.sql import literal


@dataclass(frozen=True, slots=True)
class Scope:
    """The trajectories that a dataset may contain: of one run or of all runs, with or without held-out problems. If
    `drawn` is given, only trajectories with one of these pairs of recipe and replicate. If `samples` is given, only the
    first `samples` independent samples of each problem."""

    run: str | None = None
    include_heldout: bool = False
    drawn: tuple[tuple[str, str], ...] = ()
    samples: int | None = None

    @property
    def spec(self) -> dict[str, Any]:
        """Returns the scope as JSON data, as the column `datasets.filter` stores it."""
        found: dict[str, Any] = {"run": self.run} | ({"include_heldout": True} if self.include_heldout else {})
        found |= {"drawn": [list(pair) for pair in self.drawn]} if self.drawn else {}
        return found | ({"samples": self.samples} if self.samples is not None else {})

    @property
    def sql(self) -> str:
        """Returns the scope as an SQL condition on the published units, which have the alias `p`."""
        pairs = ", ".join(f"({literal(recipe)}, {literal(replicate)})" for recipe, replicate in self.drawn)
        conditions = [f"p.run_id = {literal(self.run)}"] if self.run is not None else []
        conditions += [f"(p.recipe, p.replicate) IN ({pairs})"] if pairs else []
        return " AND ".join(conditions) or "true"

    @property
    def sample_sql(self) -> str:
        """Returns the scope as a condition on the `role` and the `sample` of a trajectory."""
        return "true" if self.samples is None else f"(role <> 'sample' OR sample < {self.samples})"


class Judge(NamedTuple):
    """The SQL form of a filter (see `SqlFilter`). `facts` is a SELECT, or "" if `sql` needs none."""

    sql: str
    facts: str = ""
    by: tuple[str, ...] = ()

    def joined(self, table: str) -> str:
        """Returns the SQL for a table, or a SELECT in parentheses, with the alias `judged` and joined with this judge's
        facts."""
        on = " AND ".join(f"facts.{column} IS NOT DISTINCT FROM judged.{column}" for column in self.by)
        return f"{table} judged" + (f" LEFT JOIN ({self.facts}) facts ON {on}" if self.facts else "")


FAILED = Judge("CASE WHEN ended = 'failed' THEN 'failed: ' || coalesce(nullif(reason, ''), 'no reason was given') END")
"""The built-in first filter, which drops failed trajectories."""


def sifted(
    judges: Sequence[Judge],
    scope: Scope = Scope(),
    held_out: Mapping[str, str] | None = None,
) -> str:
    """Returns the WITH clause of a statement. Its last table `sifted` has one row for each trajectory. `place` is its
    index in the order of problems and samples, `turn` is the draft that represents it, and `dropped` is the reason why
    it is dropped, or NULL if it is kept.

    `judges` are the SQL forms of filters (see `SqlFilter`). `held_out` maps the id of each problem that is left out to
    the reason.
    """
    tables = [START.format(these=scope.sql, first=scope.sample_sql, held=_held(held_out or {}))]
    for number, judge in enumerate(judges):
        before = judge.joined(f"(SELECT *, dropped IS NULL AS open FROM judged{number})")
        tables.append(JUDGED.format(number=number + 1, before=before, judge=judge.sql))
    return f"WITH {''.join(tables)}, sifted AS (FROM judged{len(judges)})"


def sifted_table(judges: Sequence[Judge], scope: Scope, held_out: Mapping[str, str]) -> dict[str, str]:
    """Returns the table `sifted` for `Store.dataset_of`. ROWS and REASONS read it."""
    return {"sifted": f"{sifted(judges, scope, held_out)} {NARROW}"}


def _held(notes: Mapping[str, str]) -> str:
    if not notes:
        return "SELECT NULL::VARCHAR AS problem_id, NULL::VARCHAR AS note WHERE false"
    ids, said = (
        f"unnest(from_json({literal(texts(list(given)))}, '[\"VARCHAR\"]'))" for given in (notes, notes.values())
    )
    return f"SELECT {ids} AS problem_id, {said} AS note"


START = """held AS (
    {held}
), units AS (
    SELECT p.commit_id, p.problem_id, hash(q.question) AS question, q.split, h.note,
           row_number() OVER (ORDER BY p.problem_id, p.recipe, p.replicate, p.commit_id) AS unit
    FROM raw.published p JOIN raw.newest_problems q USING (problem_id) LEFT JOIN held h USING (problem_id) WHERE {these}
), drafts AS (
    SELECT j.commit_id, j.path_id, j.trajectory_id, j.turn, j.turns, j.correct, j.stop, j.tokens, j.signature,
           j.by_equations, j.wrong_equation, j.ended, j.reason, j.oracle_used, j.sample, j.role, j.answer, u.unit,
           u.problem_id, u.question, u.split, u.note
    FROM raw.judged j JOIN units u USING (commit_id) WHERE j.role <> 'rollout' AND {first}
), represented AS (
    FROM drafts WHERE turns = 1
    UNION ALL
    FROM drafts WHERE turns > 1
    QUALIFY row_number() OVER (PARTITION BY commit_id, path_id ORDER BY correct IS TRUE DESC, turn DESC) = 1
), judged0 AS (
    SELECT * EXCLUDE (unit, sample, turns, role, note), 'held out: ' || note AS dropped,
           row_number() OVER (ORDER BY unit, sample, trajectory_id) AS place
    FROM represented
)"""

NARROW = "SELECT place, commit_id, path_id, trajectory_id, turn, problem_id, dropped FROM sifted"

ROWS = """
SELECT CASE WHEN dropped IS NULL THEN row_number() OVER (PARTITION BY dropped IS NULL ORDER BY place) - 1 END,
       trajectory_id, NULL, dropped
FROM sifted ORDER BY place"""
"""The rows of a dataset of trajectories."""

REASONS = """
SELECT any_value(dropped), count(*) FROM sifted GROUP BY split_part(dropped, ':', 1) ORDER BY min(place)"""
"""A reason of each kind with its count, in the order in which they came; NULL counts the rows that were kept."""

JUDGED = """, judged{number} AS (
    SELECT judged.* EXCLUDE (open) REPLACE (coalesce(dropped, {judge}) AS dropped) FROM {before}
)"""
