"""Problems in and out of the database."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from redraft.store.records import Kind, Problem
from redraft.store.rows import problem_row, utc
from redraft.store.sql import insert, literal, one_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def add_problems(connection: "DuckDBPyConnection", problems: Iterable[Problem]) -> int:
    """Appends the problems whose id is not there yet, and returns their number."""
    given = {problem.problem_id: problem for problem in problems}
    connection.execute("CREATE TEMP TABLE given (problem_id VARCHAR)")
    insert(connection, "given", [(problem_id,) for problem_id in given])
    known = connection.execute("FROM given SEMI JOIN raw.problems USING (problem_id)").fetchall()
    connection.execute("DROP TABLE given")
    now = utc()
    fresh = given.keys() - {problem_id for (problem_id,) in known}
    rows = [problem_row(problem, now) for problem_id, problem in given.items() if problem_id in fresh]
    insert(connection, "raw.problems", rows)
    return len(rows)


def read_problems(
    connection: "DuckDBPyConnection",
    *,
    source: str | None,
    split: str | None,
    ids: Sequence[str] | None,
    limit: int | None,
) -> list[Problem]:
    """The problems that fit all that is given, in the order of their ids."""
    conditions = ["true"]
    if source is not None:
        conditions.append(f"source = {literal(source)}")
    if split is not None:
        conditions.append(f"split = {literal(split)}")
    if ids is not None:
        conditions.append(one_of("problem_id", ids))
    sql = f"SELECT {', '.join(COLUMNS)} FROM main.problems WHERE {' AND '.join(conditions)} ORDER BY problem_id"
    found = connection.execute(sql + (f" LIMIT {int(limit)}" if limit is not None else "")).fetchall()
    return [_problem(dict(zip(COLUMNS, row, strict=True))) for row in found]


def _problem(row: dict[str, Any]) -> Problem:
    return Problem(**{**row, "kind": Kind(row["kind"]), "meta": json.loads(row["meta"])})


COLUMNS = (
    "question", "answer", "problem_id", "source", "split", "kind", "level", "subject", "parent_id", "augmentation",
    "meta",
)  # fmt: skip
