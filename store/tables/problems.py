"""Adds problems to the database, and reads them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from redraft.store.errors import StoreError
from redraft.store.json_records import texts
from redraft.store.problems import Kind, Problem
from redraft.store.tables.database.batch import Batch
from redraft.store.tables.query import FETCHED_ROWS
from redraft.store.tables.rows.unit_rows import problem_row, utc
from redraft.store.tables.sql import literal, one_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def add_problems(batch: Batch, problems: Iterable[Problem]) -> int:
    """Adds new problems, and returns their number. If the key, level, subject or split of a known problem has changed,
    the problem is added again as its newest version. Raises StoreError if the question of a known id has changed."""
    given = {problem.problem_id: problem for problem in problems}
    changed, known = dict(given), 0
    for problem_id, question, *facts in _read_known(batch.connection, list(given)):
        problem, known = given[problem_id], known + 1
        if question != problem.question:
            raise StoreError(
                f"problem {problem_id!r} is in the store with another question: give the new one another id,"
                " or keep it in another store"
            )
        if facts == [problem.answer, problem.level, problem.subject, problem.split]:
            del changed[problem_id]
    now = utc()
    batch.add("problems", [problem_row(problem, now) for problem in changed.values()])
    return len(given) - known


def _read_known(connection: "DuckDBPyConnection", ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yields what may have changed of the stored problems with these ids, some thousands at a time: a run of a million
    problems reads them each time that it begins."""
    result = connection.execute(KNOWN.format(ids=literal(texts(ids))))
    while part := result.fetchmany(FETCHED_ROWS):
        yield from part


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


KNOWN = """
    SELECT problem_id, question, answer, level, subject, split FROM raw.problems WHERE rowid IN (
        SELECT arg_max(rowid, added_at) FROM raw.problems
        WHERE problem_id IN (SELECT unnest(from_json({ids}, '["VARCHAR"]'))) GROUP BY problem_id)"""
COLUMNS = (
    "question", "answer", "problem_id", "source", "split", "kind", "level", "subject", "parent_id", "augmentation",
    "meta",
)  # fmt: skip
