"""Adds finished units to the store's tables, and reads which units the store has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from redraft.store.calls import call_key
from redraft.store.tables.database.batch import Batch
from redraft.store.tables.problems import add_problems
from redraft.store.tables.reading.calls import read_calls
from redraft.store.tables.rows.unit_rows import unit_rows
from redraft.store.tables.sql import literal
from redraft.store.unit import Done, Unit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def add_units(batch: Batch, units: Sequence[Unit]) -> int:
    """Adds the units whose attempt is not yet published, all or none, and returns their number. Calls that an earlier
    attempt added are left out. New problems that a unit made are added with it, as are the answers to them."""
    published = batch.published(units)
    unpublished = list(
        {(unit.unit_id, unit.attempt): unit for unit in units if (unit.unit_id, unit.attempt) not in published}.values()
    )
    if not unpublished:
        return 0
    new = [each for unit in unpublished for each in (unit, *unit.answered())]
    repeated = [unit.unit_id for unit in new if unit.attempt > 1]
    known = {call_key(call) for call, _ in read_calls(batch.connection, repeated)} if repeated else set()
    made = [rewrite.problem for unit in new for rewrite in unit.rewrites if rewrite.problem is not None]
    if made:
        add_problems(batch, made)
    for commit_id, unit in zip(batch.commit_numbers(len(new)), new, strict=True):
        calls = [pair for pair in unit.calls if not known or call_key(pair[0]) not in known]
        for table, rows in unit_rows(unit, calls, commit_id).items():
            batch.add(table, rows)
    return len(unpublished)


def read_done(connection: "DuckDBPyConnection", recipe: str, replicate: str) -> dict[str, Done]:
    """Returns the state of each published unit of a recipe and replicate, by problem id."""
    sql = (
        "SELECT problem_id, max(attempt), arg_max(samples, attempt), arg_max(status, attempt),"
        " arg_max(key_hash, attempt) FROM raw.commits"
        f" WHERE recipe = {literal(recipe)} AND replicate = {literal(replicate)} GROUP BY problem_id"
    )
    return {problem_id: Done(*facts) for problem_id, *facts in connection.execute(sql).fetchall()}
