"""A store in a DuckLake: a catalog in PostgreSQL, and Parquet files in a folder that many processes write and read.

A connection is a database in memory with views of one snapshot. What is written becomes files at the end of its batch,
which one transaction makes part of the store. While PostgreSQL is away, operations wait.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from redraft.store.ducklake.address import read_address
from redraft.store.ducklake.catalog import (
    LAKE,
    METADATA,
    CatalogWait,
    attach,
    connect,
    is_away,
    lake_error,
    metadata,
)
from redraft.store.ducklake.data_files import DataFiles
from redraft.store.ducklake.ducklake_committer import DuckLakeCommitter
from redraft.store.ducklake.ducklake_compaction import MEDIUM, compact, merge
from redraft.store.ducklake.ducklake_schema import check_schema, prepare
from redraft.store.ducklake.ducklake_template import ducklake_template
from redraft.store.errors import QueryError, StoreError
from redraft.store.lake.segment_database import NAME, SegmentDatabase
from redraft.store.lake.template import Template
from redraft.store.tables.database.temporary import remove_leftovers, temporary_folder
from redraft.store.tables.sql import literal
from redraft.store.unit import Unit

MERGED = 64
"""Small files are merged after so many snapshots."""


class DuckLakeDatabase(SegmentDatabase[DataFiles]):
    """Opens the DuckLake that `path` names, as `Database` opens a file. Raises StoreError, at once if PostgreSQL can't
    be reached; later operations wait for it."""

    merges = "file"

    def __init__(self, path: str, *, create: bool, waiting: Callable[[str], None] | None) -> None:
        super().__init__(path, waiting)
        address = read_address(path)
        self.data_path = prepare(path, address, create=create)
        self.address = replace(address, data_path=None)
        self._committer: DuckLakeCommitter | None = None
        self._snapshot = 0  # what the held connection reads
        self._merged: int | None = None  # how often MERGED snapshots had been made when small files were last merged
        self._open: duckdb.DuckDBPyConnection | None = None  # the connection that reads now
        # Connecting takes a tenth of a second. So a connection whose settings nobody has changed or locked is kept.
        self._idle: duckdb.DuckDBPyConnection | None = None
        self._settings: list[tuple[Any, ...]] = []
        remove_leftovers(self._temporary)

    @property
    def ordered(self) -> bool:
        return False

    @property
    def place(self) -> Path:
        return self.data_path

    @property
    def journals(self) -> Path | None:
        return self.data_path / "journal"

    @property
    def leases(self) -> Path:
        return self.data_path / "leases"

    @property
    def template(self) -> Template:
        return ducklake_template()

    def files(self) -> list[Path]:
        return [self.data_path / CHANGED]

    def size(self) -> int:
        sql = f"SELECT coalesce(sum(file_size_bytes), 0)::BIGINT FROM {metadata(self.address, 'data_file')}"
        return self._ask(f"{sql} WHERE end_snapshot IS NULL")[0][0]

    def facts(self) -> str:
        [(version,)] = self._ask(f"FROM postgres_query('{METADATA}', 'SELECT current_setting(''server_version'')')")
        [(snapshots,)] = self._ask(f"SELECT count(*) FROM {metadata(self.address, 'snapshot')}")
        [(files,)] = self._ask(f"SELECT count(*) FROM {metadata(self.address, 'data_file')} WHERE end_snapshot IS NULL")
        return f"DuckLake, its catalog in PostgreSQL {version}: {snapshots:,} snapshots, {files:,} Parquet files"

    def compact(self) -> tuple[int, int]:
        """Merges small files, and removes snapshots and files that nobody needs. Returns how many files there were, and
        how many there are. Raises StoreError."""
        with self._errors():
            return compact(self.address, self.template.tables)

    def fill(self, connection: duckdb.DuckDBPyConnection, selects: Mapping[str, str]) -> dict[str, int]:
        """Adds the rows that a connection to another store reads by a SELECT for each table, all or none, and returns
        their number by table. Raises StoreError, also if there are rows already."""
        with self._errors():
            if self._ask(f"SELECT count(*) FROM {metadata(self.address, 'data_file')}") != [(0,)]:
                raise StoreError(f"{self.path} has rows, or had some: name another metadata_schema and data_path")
            new = self.begin()
            try:
                for table, select in selects.items():
                    new.copy(connection, table, select)
                rows = dict(new.rows)
                self.put(new)
                return rows
            finally:
                new.discard()

    def begin(self) -> DataFiles:
        return DataFiles(self.data_path)

    def published(self, units: Sequence[Unit]) -> set[tuple[str, int]]:
        return self._registered().published(units)

    def put(self, new: DataFiles) -> None:
        if not new.rows:
            return
        snapshot = self._registered().register(new)
        with suppress(OSError):
            (self.data_path / CHANGED).touch()
        if held := self._held_here():
            self._snapshot = snapshot
            held.execute(_variable(snapshot))
        self._merge_small(snapshot)

    def close(self) -> None:
        if self._committer:
            self._committer.close()
            self._committer = None
        if self._idle:
            self._idle.close()
            self._idle = None
        super().close()

    def _memory(self) -> duckdb.DuckDBPyConnection:
        return connect({"threads": 1})

    def _registered(self) -> DuckLakeCommitter:
        if self._committer is None:
            self._committer = DuckLakeCommitter(
                self.rows(), self.address, self.begin, lambda: CatalogWait(self.path, None, self.say)
            )
        return self._committer

    def _merge_small(self, snapshot: int) -> None:
        """After every MERGED snapshots, one of the processes that write merges the small files, since a query opens
        them all."""
        before, self._merged = self._merged, snapshot // MERGED
        if before is None or before == self._merged:
            return
        with suppress(duckdb.Error, OSError, StoreError), connect({"threads": 1}) as connection:
            attach(connection, self.address)
            sql = literal(f"SELECT pg_try_advisory_lock(hashtext({literal(MERGING + self.address.schema)}))")
            if connection.execute(f"FROM postgres_query('{METADATA}', {sql})").fetchall() == [(True,)]:
                merge(connection, self.template.tables, MEDIUM)

    @contextmanager
    def _reading(self, patience: float | None) -> Iterator[duckdb.DuckDBPyConnection]:
        connection, self._idle = self._idle or self._connect(), None
        try:
            snapshot = self._look(connection, patience)
            connection.execute(_variable(snapshot))
            self._snapshot, self._open = snapshot, connection
            yield connection
            if connection.execute(SETTINGS).fetchall() == self._settings:
                self._idle = connection
        except (duckdb.Error, QueryError) as error:
            if is_away(error) or FILE_MISSING in str(error):
                raise lake_error(self.path, error) from None
            raise
        finally:
            self._open = None
            if self._idle is not connection:
                connection.close()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """Returns a connection that can attach the DuckLake for reading, and nothing else once it is locked."""
        name = secrets.token_hex(8)
        connection = connect({"custom_user_agent": name, "temp_directory": temporary_folder(self._temporary, name)})
        connection.execute(f"ATTACH {literal(str(self.template.database))} AS {NAME} (READ_ONLY); USE {NAME}")
        connection.execute(f"SET allowed_directories = [{literal(f'{self.data_path}/')}]")
        self._settings = connection.execute(SETTINGS).fetchall()
        return connection

    def _look(self, connection: duckdb.DuckDBPyConnection, patience: float | None) -> int:
        """Attaches the DuckLake, and returns the number of its present snapshot. Waits for PostgreSQL, at most
        `patience` seconds."""
        wait = CatalogWait(self.path, patience, self.say)
        while True:
            try:
                attach(connection, self.address, read_only=True)
                [(number,)] = connection.execute(f"SELECT max(number) FROM {LAKE}.raw.migrations").fetchall()
                check_schema(self.path, number)
                return connection.execute(f"FROM ducklake_current_snapshot('{LAKE}')").fetchall()[0][0]
            except duckdb.Error as error:
                if not is_away(error):
                    raise
                wait.pause(error)

    def _cursor(self, held: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        cursor = held.cursor()
        cursor.execute(f"USE {NAME}; {_variable(self._snapshot)}")
        return cursor

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (duckdb.Error, OSError) as error:
            raise lake_error(self.path, error) from error

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Returns the rows of a statement about the catalog."""
        if self._open:
            return self._open.execute(sql).fetchall()
        with self.open(read_only=True) as connection:
            return connection.execute(sql).fetchall()

    @property
    def _temporary(self) -> str:
        return str(self.data_path / "redraft")


def _variable(snapshot: int) -> str:
    """Returns the statement that makes a connection read a snapshot."""
    return f"SET VARIABLE snapshot = {snapshot}"


CHANGED = "changed"
"""The name of an empty file that is touched when the store has changed."""
MERGING = "redraft merges files of "
SETTINGS = """
SELECT current_setting('lock_configuration'), current_setting('threads'), current_setting('memory_limit')"""
FILE_MISSING = "Cannot open file"
