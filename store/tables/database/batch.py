"""Batches: rows that are added to a store together, or not at all."""

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from redraft.store.tables.sql import ROWS, Appender, one_of
from redraft.store.unit import Unit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Batch(Protocol):
    """Rows for the tables in `raw`. `connection` reads the store without these rows. The rows are committed at the end
    of the `with` block that yielded the batch, or by `commit`. If the block raises, none of them is added."""

    @property
    def connection(self) -> "DuckDBPyConnection": ...

    def add(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Adds rows to a table, such as "labels". Each row has a value for every column, in the order of the
        columns."""
        ...

    def add_query(self, table: str, sql: str) -> None:
        """Adds the rows of a SELECT that has the table's columns. No other rows may be added to this table."""
        ...

    def published(self, units: Sequence[Unit]) -> set[tuple[str, int]]:
        """Returns those attempts at `units` that the store has, as pairs (unit_id, attempt)."""
        ...

    def commit_numbers(self, count: int) -> Sequence[int]:
        """Returns `count` numbers for commits, in increasing order. They are larger than earlier ones."""
        ...

    def commit(self) -> None:
        """Adds the rows to the store. Raises StoreError."""
        ...


class FileBatch:
    """A batch for a store that is one file: a DuckDB transaction, which begins with the first rows."""

    def __init__(self, connection: "DuckDBPyConnection") -> None:
        self.connection = connection
        self._appender: Appender | None = None

    def add(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        appender, left = self._begun(), iter(rows)
        while part := list(islice(left, ROWS)):
            appender.add(f"raw.{table}", part)

    def add_query(self, table: str, sql: str) -> None:
        self._begun().flush()
        self.connection.execute(f"INSERT INTO raw.{table} {sql}")

    def published(self, units: Sequence[Unit]) -> set[tuple[str, int]]:
        condition = one_of("unit_id", list({unit.unit_id for unit in units}))
        return set(self.connection.execute(f"SELECT unit_id, attempt FROM raw.commits WHERE {condition}").fetchall())

    def commit_numbers(self, count: int) -> Sequence[int]:
        """Returns consecutive numbers that begin with the microseconds since 1970, or after the largest number in
        use."""
        [(last,)] = self.connection.execute("SELECT coalesce(max(commit_id), 0) FROM raw.commits").fetchall()
        first = max(last + 1, time.time_ns() // 1000)
        return range(first, first + count)

    def commit(self) -> None:
        if self._appender:
            self._appender.flush()
            self._appender = None
            self.connection.execute("COMMIT")

    def roll_back(self) -> None:
        """Discards the rows that are not committed."""
        if self._appender:
            self._appender = None
            with suppress(Exception):  # DuckDB may have ended the transaction with an error
                self.connection.execute("ROLLBACK")

    def _begun(self) -> Appender:
        if not self._appender:
            self.connection.execute("BEGIN")
            self._appender = Appender(self.connection)
        return self._appender
