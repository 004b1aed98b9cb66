"""Adds finished units to the store's tables, and reads which units are there."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from redraft.store.calls import call_key
from redraft.store.tables.problems import add_problems
from redraft.store.tables.reading.calls import read_calls
from redraft.store.tables.rows.unit_rows import unit_rows
from redraft.store.tables.sql import Appender, literal, one_of
from redraft.store.unit import Done, Unit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def add_units(connection: "DuckDBPyConnection", units: Sequence[Unit]) -> int:
    """Adds the units whose attempt is not yet published, all or none, and returns how many these are. Calls that an
    earlier attempt added are left out. The problems that a unit made are added with it, and so are the answers to
    them."""
    unpublished = _unpublished(connection, units)
    new = [each for unit in unpublished for each in (unit, *unit.answered())]
    repeated = [unit.unit_id for unit in new if unit.attempt > 1]
    known = {call_key(call) for call, _ in read_calls(connection, repeated)} if repeated else set()
    made = [rewrite.problem for unit in new for rewrite in unit.rewrites if rewrite.problem is not None]
    connection.execute("BEGIN")
    if made:
        add_problems(connection, made)
    appender = Appender(connection)
    for commit_id, unit in enumerate(new, start=_next_commit(connection)):
        calls = [pair for pair in unit.calls if not known or call_key(pair[0]) not in known]
        for table, rows in unit_rows(unit, calls, commit_id).items():
            appender.add(table, rows)
    appender.flush()
    connection.execute("COMMIT")
    return len(unpublished)


def _next_commit(connection: "DuckDBPyConnection") -> int:
    """Returns a number for the next commit that is greater than all before: the microseconds since 1970."""
    [(last,)] = connection.execute("SELECT coalesce(max(commit_id), 0) FROM raw.commits").fetchall()
    return max(last + 1, time.time_ns() // 1000)


def read_done(connection: "DuckDBPyConnection", recipe: str, replicate: str) -> dict[str, Done]:
    """Returns what the store has of a recipe and replicate, by problem id."""
    sql = (
        "SELECT problem_id, max(attempt), arg_max(samples, attempt), arg_max(status, attempt),"
        " arg_max(key_hash, attempt) FROM raw.commits"
        f" WHERE recipe = {literal(recipe)} AND replicate = {literal(replicate)} GROUP BY problem_id"
    )
    return {problem_id: Done(*facts) for problem_id, *facts in connection.execute(sql).fetchall()}


def _unpublished(connection: "DuckDBPyConnection", units: Sequence[Unit]) -> list[Unit]:
    """Returns the units whose attempt is not yet in the store, without repeats."""
    condition = one_of("unit_id", list({unit.unit_id for unit in units}))
    published = set(connection.execute(f"SELECT unit_id, attempt FROM raw.commits WHERE {condition}").fetchall())
    return list(
        {(unit.unit_id, unit.attempt): unit for unit in units if (unit.unit_id, unit.attempt) not in published}.values()
    )
