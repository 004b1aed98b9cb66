"""Adds problems to the database, and reads them."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from redraft.store.errors import StoreError
from redraft.store.problems import Kind, Problem
from redraft.store.tables.database.batch import Batch
from redraft.store.tables.rows.unit_rows import problem_row, utc
from redraft.store.tables.sql import insert, literal, one_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def add_problems(batch: Batch, problems: Iterable[Problem]) -> int:
    """Adds new problems, and returns their number. If the key, level, subject or split of a known problem has changed,
    the problem is added again as its newest version. Raises StoreError if the question of a known id has changed."""
    given = {problem.problem_id: problem for problem in problems}
    known = _read_known(batch.connection, list(given))
    for problem_id, before in known.items():
        if before.question != given[problem_id].question:
            raise StoreError(
                f"problem {problem_id!r} is in the store with another question: give the new one another id,"
                " or keep it in another store"
            )
    now = utc()
    changed = [problem for problem in given.values() if _facts(known.get(problem.problem_id)) != _facts(problem)]
    batch.add("problems", [problem_row(problem, now) for problem in changed])
    return len(given) - len(known)


def _facts(problem: Problem | None) -> tuple[Any, ...]:
    return (problem.answer, problem.level, problem.subject, problem.split) if problem else ()


def _read_known(connection: "DuckDBPyConnection", ids: Sequence[str]) -> dict[str, Problem]:
    """Returns the stored problems with these ids, by id. The ids are passed as rows, because there may be many
    thousands."""
    connection.execute("CREATE TEMP TABLE given (problem_id VARCHAR)")
    insert(connection, "given", [(problem_id,) for problem_id in ids])
    found = _read(connection, "FROM main.problems SEMI JOIN given USING (problem_id)")
    connection.execute("DROP TABLE given")
    return {problem.problem_id: problem for problem in found}


def read_problems(
    connection: "DuckDBPyConnection",
    *,
    source: str | None,
    split: str | None,
    ids: Sequence[str] | None,
    limit: int | None,
) -> list[Problem]:
    """Returns the problems that meet all given conditions, ordered by id."""
    conditions = ["true"]
    if source is not None:
        conditions.append(f"source = {literal(source)}")
    if split is not None:
        conditions.append(f"split = {literal(split)}")
    if ids is not None:
        conditions.append(one_of("problem_id", ids))
    where = f"FROM main.problems WHERE {' AND '.join(conditions)} ORDER BY problem_id"
    return _read(connection, where + (f" LIMIT {int(limit)}" if limit is not None else ""))


def _read(connection: "DuckDBPyConnection", where: str) -> list[Problem]:
    found = connection.execute(f"SELECT {', '.join(COLUMNS)} {where}").fetchall()
    return [_problem(dict(zip(COLUMNS, row, strict=True))) for row in found]


def _problem(row: dict[str, Any]) -> Problem:
    return Problem(**{**row, "kind": Kind(row["kind"]), "meta": json.loads(row["meta"])})


COLUMNS = (
    "question", "answer", "problem_id", "source", "split", "kind", "level", "subject", "parent_id", "augmentation",
    "meta",
)  # fmt: skip
