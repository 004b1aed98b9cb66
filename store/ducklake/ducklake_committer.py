"""The committer of a DuckLake: registers the files of a batch in one transaction, so that every attempt at a unit is
there once.

DuckLake numbers its snapshots, and PostgreSQL takes each number once. The committer reads a snapshot, leaves out the
attempts that are in it, and commits the next one: if another process has committed meanwhile, the number is taken, and
the committer begins anew. DuckLake would try again by itself, without a look at the attempts; it is told not to. A lock
of PostgreSQL keeps the processes of redraft in turn, so that they seldom try in vain; nothing depends on it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import duckdb

from redraft.store.ducklake.address import Address
from redraft.store.ducklake.catalog import LAKE, CatalogWait, attach, is_away, metadata
from redraft.store.ducklake.data_files import DataFiles
from redraft.store.lake.attempts import Attempts, parquet
from redraft.store.tables.sql import literal
from redraft.store.unit import Unit

TRIES = 5
"""How often a commit may fail although PostgreSQL is there and nobody else has committed."""
TURN = "redraft's turn to commit to "
LOCK_TIMEOUT = "10s"


class DuckLakeCommitter:
    """Registers files through a connection in memory of its own. While PostgreSQL is away, each operation waits, and
    `waiting` makes its wait. Raises StoreError and duckdb.Error."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        address: Address,
        begin: Callable[[], DataFiles],
        waiting: Callable[[], CatalogWait],
    ) -> None:
        self._connection, self._address = connection, address
        self._begin, self._waiting = begin, waiting
        self._attempts = Attempts(connection)
        self._snapshot = 0  # the snapshot whose attempts are known
        self._attached = False

    def published(self, units: Sequence[Unit]) -> set[tuple[str, int]]:
        """Returns which of the attempts at these units are registered."""
        wait = self._waiting()
        while True:
            try:
                self._learn()
                return self._attempts.published(units)
            except duckdb.Error as error:
                if not is_away(error):
                    raise
                wait.pause(error)

    def register(self, files: DataFiles) -> int:
        """Makes the files part of the store, without the attempts at units that it has already. Returns the number of a
        snapshot that has them. If it raises, they are no part of the store, or PostgreSQL was gone just then."""
        wait, failed = self._waiting(), 0
        unknown = False  # whether a commit had no answer: PostgreSQL may carry it out even later
        while True:
            before, committing, snapshot = self._snapshot, False, 0
            try:
                with self._turn():
                    snapshot = self._learn()
                    if unknown and self._has(files):
                        return snapshot
                    needed = self._needed(files)
                    if needed is None:
                        return snapshot
                    files = needed
                    if not self._add(files, snapshot):
                        continue
                    files.kept = committing = True
                    self._connection.execute("COMMIT")
            except duckdb.Error as error:
                away = is_away(error)
                unknown |= away and committing
                files.kept = unknown
                failed = failed + 1 if self._snapshot == before and not away else 0
                if not away and (not committing or failed == TRIES):
                    raise
                wait.pause(error)
                continue
            finally:
                self._roll_back()
            self._note(files, snapshot + 1)
            return snapshot + 1

    def close(self) -> None:
        """Ends the connections to PostgreSQL."""
        if self._attached:
            with suppress(duckdb.Error):
                self._connection.execute(f"DETACH {LAKE}; DETACH {TURNS}")
        self._attached = False

    def _attach(self) -> None:
        if not self._attached:
            attach(self._connection, self._address)
            turns = f"ATTACH IF NOT EXISTS {literal(self._address.connection)} AS {TURNS} (TYPE postgres, READ_ONLY"
            self._connection.execute(f"{turns}, SCHEMA {literal(self._address.schema)})")
            self._connection.execute("SET ducklake_max_retry_count = 0")
            self._attached = True

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Waits for the turn of this process, at most LOCK_TIMEOUT, and ends it."""
        self._attach()
        turn = self._connection.cursor()
        try:
            turn.execute("BEGIN")
            sql = TURN_TAKEN.format(timeout=LOCK_TIMEOUT, name=literal(TURN + self._address.schema))
            try:
                turn.execute(f"FROM postgres_query('{TURNS}', {literal(sql)})").fetchall()
            except duckdb.Error as error:
                if is_away(error):
                    raise
            yield
        finally:
            with suppress(duckdb.Error):
                turn.execute("ROLLBACK")
            turn.close()

    def _learn(self) -> int:
        """Adds the attempts that were registered since the last look, and returns the number of the present
        snapshot."""
        self._attach()
        [(snapshot,)] = self._connection.execute(f"FROM ducklake_current_snapshot('{LAKE}')").fetchall()
        if snapshot > self._snapshot:
            self._attempts.learn(self._commits(self._snapshot, snapshot))
            self._snapshot = snapshot
        return snapshot

    def _commits(self, before: int, snapshot: int) -> str:
        """Returns the SQL relation of the rows of `raw.commits` in a snapshot, without those of the snapshot `before`;
        with them if that one is gone."""
        sql = f"FROM ducklake_snapshots('{LAKE}') SELECT 1 WHERE snapshot_id = {before}"
        if before and self._connection.execute(sql).fetchall():
            span = f"{before + 1}::BIGINT, {snapshot}::BIGINT"
            return f"ducklake_table_insertions('{LAKE}', 'raw', 'commits', {span})"
        return f"(FROM {LAKE}.raw.commits AT (VERSION => {snapshot}))"

    def _needed(self, files: DataFiles) -> DataFiles | None:
        """Returns the files to register: these; or new ones without the attempts that are registered, and with other
        numbers for commits whose numbers are taken; or None if nothing would be left."""
        if "commits" not in files.rows:
            return files if files.rows else None
        again, taken = self._attempts.clashes(parquet([str(files.file("commits"))]))
        if not again and not taken:
            return files
        new = None
        if again < files.rows["commits"]:
            new = self._begin()
            try:
                self._attempts.copy(new, {table: parquet([str(files.file(table))]) for table in files.rows})
            except BaseException:
                new.discard()
                raise
        files.discard()  # unless it may be part of the store
        return new

    def _add(self, files: DataFiles, snapshot: int) -> bool:
        """Begins a transaction that adds the files to their tables. Returns False if the present snapshot is a newer
        one."""
        self._connection.execute("BEGIN")
        if self._connection.execute(f"FROM ducklake_current_snapshot('{LAKE}')").fetchall() != [(snapshot,)]:
            return False
        for table in files.rows:
            file = literal(str(files.file(table)))
            self._connection.execute(ADDED.format(table=table, file=file))
        return True

    def _note(self, files: DataFiles, snapshot: int) -> None:
        """Notes that the files are registered by the snapshot of this number."""
        if "commits" in files.rows:
            self._attempts.learn(parquet([str(files.file("commits"))]))
        self._snapshot = snapshot

    def _has(self, files: DataFiles) -> bool:
        """Returns whether the files are registered, or have been and are merged now."""
        tables = [metadata(self._address, name) for name in ("data_file", "files_scheduled_for_deletion")]
        paths = " UNION ALL ".join(f"SELECT path FROM {table}" for table in tables)
        sql = f"SELECT count(*) FROM ({paths}) WHERE contains(path, {literal(files.name)})"
        return self._connection.execute(sql).fetchall() != [(0,)]

    def _roll_back(self) -> None:
        with suppress(duckdb.Error):  # nothing was begun, or the error has ended it
            self._connection.execute("ROLLBACK")


TURNS = "turns"
"""The name by which PostgreSQL is attached for locks, which need a transaction of their own: the lock must be there
before the transaction of the commit reads."""
TURN_TAKEN = "SELECT set_config('lock_timeout', '{timeout}', true), pg_advisory_xact_lock(hashtext({name}))::text"
ADDED = (
    f"CALL ducklake_add_data_files('{LAKE}', '{{table}}', {{file}}, schema => 'raw', hive_partitioning => false,"
    " allow_missing => true)"
)
