"""What the stores of segments have in common: rows of a batch wait in memory, and become Parquet files at its end."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from itertools import islice
from typing import Any, Generic, TypeVar

import duckdb

from redraft.store.lake.attempts import LANES, Writable, first_commit
from redraft.store.lake.template import Template
from redraft.store.tables.database.batch import Batch
from redraft.store.tables.database.database import Database
from redraft.store.tables.database.queue import ThreadQueue
from redraft.store.tables.sql import ROWS, Appender, hide_progress
from redraft.store.unit import Unit

New = TypeVar("New", bound=Writable)
NAME = "store"
"""The name of the database in SQL statements."""


class SegmentDatabase(Database, Generic[New]):
    """A store to which rows are added by segments."""

    def __init__(self, path: str, waiting: Callable[[str], None] | None) -> None:
        super().__init__(path, waiting, ThreadQueue())
        self._rows: duckdb.DuckDBPyConnection | None = None  # a database with empty tables, for the rows of a batch

    @property
    @abstractmethod
    def template(self) -> Template:
        """The views, and the columns of the tables in `raw`."""

    @abstractmethod
    def begin(self) -> New:
        """Returns a segment to be written."""

    @abstractmethod
    def put(self, new: New) -> None:
        """Makes a segment part of the store, if it has rows. A connection that is held reads it from now on. Raises
        StoreError."""

    @abstractmethod
    def published(self, units: Sequence[Unit]) -> set[tuple[str, int]]:
        """Returns those attempts at `units` that the store has, as pairs (unit_id, attempt)."""

    def remove_if_unused(self, runs: Sequence[str]) -> None:
        """Does nothing, because other processes may use the store."""

    @contextmanager
    def write(self) -> Iterator[Batch]:
        with ExitStack() as stack:
            if not self._held_here():
                stack.enter_context(self._queue.enter(self.path, None))
            stack.enter_context(self._errors())
            batch = SegmentBatch(self, stack)
            stack.callback(batch.discard)
            self._prepare()
            yield batch
            batch.commit()

    def reader(self, stack: ExitStack) -> duckdb.DuckDBPyConnection:
        """Returns the connection that this thread holds, or else a new one that is closed with `stack`."""
        return self._held_here() or stack.enter_context(self._reading(None))

    def rows(self) -> duckdb.DuckDBPyConnection:
        """Returns a connection that has an empty table for each table in `raw`."""
        if self._rows is None:
            self._rows = self._memory()
            hide_progress(self._rows)
            self._rows.execute("CREATE SCHEMA raw")
            for table, columns in self.template.tables.items():
                listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
                self._rows.execute(f"CREATE TABLE raw.{table} ({listed})")
        return self._rows

    def close(self) -> None:
        """Frees the memory of the connections for writing."""
        if self._rows:
            self._rows.close()
            self._rows = None

    def _memory(self) -> duckdb.DuckDBPyConnection:
        """Returns a connection to a new database in memory."""
        return duckdb.connect(":memory:", config={"threads": 1})

    def _prepare(self) -> None:
        """Is called before a batch."""

    def _connection(self, read_only: bool, patience: float | None) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return self._reading(patience)

    @abstractmethod
    def _reading(self, patience: float | None) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Yields a connection that reads the present state, whatever is written meanwhile."""


class SegmentBatch(Generic[New]):
    """A batch for a store of segments. Rows are kept in memory, and become a segment at the commit."""

    def __init__(self, database: SegmentDatabase[New], stack: ExitStack) -> None:
        self._database, self._stack = database, stack
        self._segment = database.begin()
        self._appender: Appender | None = None
        self._tables: dict[str, None] = {}  # the names of tables with uncommitted rows
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Returns a connection to the store. It is opened on first use, because most batches read nothing."""
        if self._connection is None:
            self._connection = self._database.reader(self._stack)
        return self._connection

    def add(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        if not self._appender:
            self._appender = Appender(self._database.rows())
        left = iter(rows)
        while part := list(islice(left, ROWS)):
            self._appender.add(f"raw.{table}", part)
            self._tables[table] = None

    def add_query(self, table: str, sql: str) -> None:
        columns = self._database.template.tables[table]
        names = ", ".join(f'"{name}"' for name in columns)
        types = ", ".join(f'"{name}"::{kind} AS "{name}"' for name, kind in columns.items())
        self._segment.copy(self.connection, table, f"SELECT {types} FROM ({sql}) v({names})")

    def published(self, units: Sequence[Unit]) -> set[tuple[str, int]]:
        return self._database.published(units)

    def commit_numbers(self, count: int) -> Sequence[int]:
        """Returns `count` commit numbers, in steps of LANES from `first_commit()` on."""
        first = first_commit()
        return range(first, first + LANES * count, LANES)

    def commit(self) -> None:
        if self._appender:
            self._appender.flush()
        for table in self._tables:
            names = ", ".join(f'"{name}"' for name in self._database.template.tables[table])
            self._segment.copy(self._database.rows(), table, f"SELECT {names} FROM raw.{table}")
        self._empty()
        self._database.put(self._segment)
        self._segment = self._database.begin()

    def discard(self) -> None:
        """Discards the rows that are not committed."""
        self._segment.discard()
        with suppress(duckdb.Error):
            self._empty()

    def _empty(self) -> None:
        for table in self._tables:
            self._database.rows().execute(f"TRUNCATE raw.{table}")
        self._tables.clear()
        self._appender = None
