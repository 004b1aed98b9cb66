"""Records runs and exports in the store's tables: the start and end of each run, and the rows of each export."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

from redraft.store.json_records import strict
from redraft.store.tables.database.batch import Batch
from redraft.store.tables.rows.unit_rows import utc
from redraft.store.tables.sql import literal, one_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class DatasetRow(NamedTuple):
    """A row of an export, or a trajectory or step that the export left out, with the reason."""

    row: int | None  # the index of the row in the file, from 0; None if the export left it out
    trajectory_id: str
    step_id: str | None = None
    dropped_because: str | None = None


def new_id() -> str:
    """Returns an id that sorts by time: the current second in UTC, then eight random digits."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def add_run(batch: Batch, stage: str, recipe: str, strategy: str, model: str, config: Mapping[str, Any]) -> str:
    """Adds the start of a run, and returns its id."""
    run_id = new_id()
    facts = (stage, recipe, strategy, model, strict(dict(config)))
    batch.add("run_events", [(run_id, "started", utc(), *facts, None, version("redraft"))])
    return run_id


def add_run_end(batch: Batch, run_id: str, status: str, facts: Mapping[str, Any]) -> None:
    """Adds the end of a run."""
    row = (run_id, status, utc(), None, None, None, None, None, strict(dict(facts)), None)
    batch.add("run_events", [row])


def add_dataset(
    batch: Batch,
    dataset_id: str,
    format: str,
    filter: Mapping[str, Any],
    rows: Iterable[DatasetRow],
    run_id: str,
    around: AbstractContextManager[None],
) -> None:
    """Adds an export with its rows, completely or not at all. `around` is entered before the rows are committed. If the
    commit fails, `around` receives the exception."""
    batch.add("datasets", [(dataset_id, format, strict(dict(filter)), utc(), run_id or None)])
    batch.add("dataset_rows", ((dataset_id, *row) for row in rows))
    with around:
        batch.commit()


def add_dataset_of(batch: Batch, format: str, filter: Mapping[str, Any], sql: str, run_id: str) -> str:
    """Adds an export whose rows an SQL statement returns, in its order. Returns the `dataset_id` of the export."""
    dataset_id = new_id()
    batch.add("datasets", [(dataset_id, format, strict(dict(filter)), utc(), run_id or None)])
    batch.add_query("dataset_rows", f"SELECT {literal(dataset_id)}, * FROM ({sql})")
    return dataset_id


def has_results(connection: "DuckDBPyConnection", runs: Sequence[str]) -> bool:
    """Returns whether a database has anything except problems and the starts and ends of these runs."""
    tables = [name for (name,) in connection.execute(TABLES).fetchall()]
    rows = " UNION ALL ".join(
        [f"(FROM raw.run_events SELECT 1 WHERE NOT {one_of('run_id', runs)})"]
        + [f'(FROM raw."{name}" SELECT 1)' for name in tables]
    )
    return connection.execute(f"SELECT 1 FROM ({rows}) LIMIT 1").fetchone() is not None


TABLES = """
    SELECT table_name FROM duckdb_tables()
    WHERE schema_name = 'raw' AND table_name NOT IN ('problems', 'run_events', 'migrations')"""
