"""Records runs and exports in the store's tables: the start and end of each run, and the rows of each export."""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

from redraft.store.digest import question_key
from redraft.store.json_records import strict
from redraft.store.tables.database.batch import Batch
from redraft.store.tables.query import FETCHED_ROWS
from redraft.store.tables.rows.unit_rows import utc
from redraft.store.tables.sql import literal, one_of
from redraft.store.waiting import pause

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


class SqlDataset:
    """An export that statements of redraft's own make. `tables` are temporary tables that they read, each by its name
    and the SELECT that makes it. It belongs to the store from `record` on."""

    def __init__(self, batch: Batch, tables: Mapping[str, str]) -> None:
        self._batch = batch
        for name, select in tables.items():
            batch.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {select}")

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a statement, with some thousands in memory at a time."""
        result = self._batch.connection.execute(sql)
        while part := result.fetchmany(FETCHED_ROWS):
            pause(0)  # ends the reading if its task was cancelled
            yield from part

    def record(
        self,
        dataset_id: str,
        format: str,
        filter: Mapping[str, Any],
        sql: str,
        run_id: str = "",
        around: AbstractContextManager[None] = nullcontext(),  # noqa: B008 - it has no state
    ) -> None:
        """Adds the export, all or nothing. Its rows are the answer of a statement: the columns of DatasetRow. `around`
        is that of `add_dataset`."""
        self._batch.add("datasets", [(dataset_id, format, strict(dict(filter)), utc(), run_id or None)])
        self._batch.add_query("dataset_rows", f"SELECT {literal(dataset_id)}, * FROM ({sql})")
        with around:
            self._batch.commit()


def add_exported(batch: Batch) -> None:
    """Adds the problems of exports that are not noted yet, each once: what a killed export left to note, and all
    exports of a store that an older redraft wrote."""
    for (dataset_id,) in batch.connection.execute(UNNOTED).fetchall():
        found = batch.connection.execute(NEWLY_EXPORTED.format(dataset=literal(dataset_id))).fetchall()
        noted = [(dataset_id, problem_id, question and question_key(question)) for problem_id, question in found]
        batch.add("exported", [*noted, (dataset_id, None, None)])


def read_exported(connection: "DuckDBPyConnection") -> list[tuple[str, int | None, str]]:
    """Returns each problem that a noted export has used, or that such a problem was made from, with the key of its
    question (`question_key`; None if the store has not got the problem) and the id of the first such export."""
    return connection.execute(EXPORTED).fetchall()


def has_results(connection: "DuckDBPyConnection", runs: Sequence[str]) -> bool:
    """Returns whether a database has anything except problems and the starts and ends of these runs."""
    tables = [name for (name,) in connection.execute(TABLES).fetchall()]
    rows = " UNION ALL ".join(
        [f"(FROM raw.run_events SELECT 1 WHERE NOT {one_of('run_id', runs)})"]
        + [f'(FROM raw."{name}" SELECT 1)' for name in tables]
    )
    return connection.execute(f"SELECT 1 FROM ({rows}) LIMIT 1").fetchone() is not None


UNNOTED = """
    SELECT dataset_id FROM raw.datasets WHERE format <> 'trajectories'
        AND dataset_id NOT IN (SELECT dataset_id FROM raw.exported WHERE problem_id IS NULL) ORDER BY created_at"""
NEWLY_EXPORTED = """
    WITH RECURSIVE drafted AS (
        SELECT DISTINCT split_part(replace(trajectory_id, '/', ':'), ':', 1) AS unit_id
        FROM raw.dataset_rows WHERE dataset_id = {dataset} AND "row" IS NOT NULL
    ), used AS (
        SELECT problem_id FROM raw.commits SEMI JOIN drafted USING (unit_id)
        UNION
        SELECT p.parent_id FROM raw.newest_problems p JOIN used USING (problem_id) WHERE p.parent_id IS NOT NULL
    )
    SELECT problem_id, any_value(p.question) FROM used LEFT JOIN raw.problems p USING (problem_id)
    ANTI JOIN raw.exported USING (problem_id) GROUP BY problem_id ORDER BY problem_id"""
"""The id of a trajectory begins with the id of its unit."""
EXPORTED = """
    SELECT problem_id, any_value(question_key), min(dataset_id) FROM raw.exported WHERE problem_id IS NOT NULL
    GROUP BY problem_id ORDER BY problem_id"""
TABLES = """
    SELECT table_name FROM duckdb_tables()
    WHERE schema_name = 'raw' AND table_name NOT IN ('problems', 'run_events', 'migrations')"""
