"""One DuckDB file, opened for each operation and then released, so that several processes can take turns.

One process may write a DuckDB file, or many may read it, never both. An operation that finds the file open in another
process waits and tries again. If another connection of this process has the file open, which redraft did not make, the
wait might be for ever, so the operation fails instead.
"""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import duckdb

from redraft.store.errors import StoreError
from redraft.store.tables.database.connection import connect, file_identity, store_error
from redraft.store.tables.database.queue import QUEUES, ProcessWait, ThreadQueue
from redraft.store.tables.schema.migrations import MIGRATIONS, migrate, version
from redraft.store.tables.schema.template_cache import write_empty_store
from redraft.store.waiting import cut_short

MEMORY = ":memory:"

log = logging.getLogger("redraft.store")


class Database:
    """Opens `path` on demand. `waiting` gets one message an operation that it waits for another process, and a second
    one if the wait is long; without `waiting`, a warning is logged. `made` is true if the file was made here.

    Raises StoreError if the file is not redraft's, is of a newer version, or cannot be made.
    """

    def __init__(
        self, path: str | Path, *, create: bool, waiting: Callable[[str], None] | None, patience: float | None = None
    ) -> None:
        self.path = str(path)
        if not self.path:
            raise StoreError("no file is named: name one with --db")
        self.made = False
        self._create = create
        self.say = waiting or log.warning
        self._held: tuple[int, duckdb.DuckDBPyConnection] | None = None  # a thread, and the connection that it holds
        self._memory: duckdb.DuckDBPyConnection | None = None
        if self.path == MEMORY:
            self._queue = ThreadQueue()
            self._memory = duckdb.connect(MEMORY)
            migrate(self._memory)
            return
        self._queue = QUEUES[os.path.realpath(self.path)]
        with self._queue.enter(self.path, patience):
            if self._make_if_missing():
                return
        with self.open(read_only=True, patience=patience) as connection:
            old = self._version(connection) < len(MIGRATIONS)
        if old:
            with self.open() as connection:
                migrate(connection)

    @contextmanager
    def open(self, *, read_only: bool = False, patience: float | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection, closed at the end. Waits `patience` seconds (None: for ever) while another process has the
        file. Within `hold` it is the connection that is held.

        Raises StoreHeld if this process has it open elsewhere; DuckDB's own errors, and the disk's, become StoreError.
        """
        if self._held and self._held[0] == threading.get_ident():
            yield self._held[1]
            return
        with self._queue.enter(self.path, patience):
            try:
                with (
                    self._memory.cursor() if self._memory else self._connect(read_only, patience) as connection,
                    cut_short(connection.interrupt) if read_only else nullcontext(),
                ):
                    yield connection
            except (duckdb.Error, OSError) as error:
                raise store_error(self.path, error) from error

    @contextmanager
    def hold(self, *, read_only: bool = False) -> Iterator[None]:
        """Keeps one connection for all that this thread does meanwhile, since opening takes longer than most
        operations."""
        with self.open(read_only=read_only) as connection:
            self._held = threading.get_ident(), connection
            try:
                yield
            finally:
                self._held = None

    def close(self) -> None:
        """Frees a database in memory. A file needs no closing, since no operation leaves it open."""
        if self._memory:
            self._memory.close()

    def _connect(self, read_only: bool, patience: float | None) -> duckdb.DuckDBPyConnection:
        # A name of its own makes DuckDB refuse a second connection of this process, as it does one of another process.
        name = secrets.token_hex(8)
        wait = ProcessWait(self.path, patience, self.say)
        while True:
            self._make_if_missing()
            file = file_identity(self.path)
            try:
                connection = connect(self.path, name, read_only)
            except duckdb.Error as error:
                if not wait.is_worthwhile(str(error)):
                    raise store_error(self.path, error) from error
            else:
                if file_identity(self.path) == file:
                    return connection
                connection.close()  # another process replaced the file meanwhile
            wait.pause()

    def _make_if_missing(self) -> bool:
        """Makes the file if it is missing, and returns whether it did."""
        if Path(self.path).exists():
            return False
        if not self._create:
            raise StoreError(f"no database {self.path!r}: run `redraft generate` first, or name one with --db")
        made = self._make()
        self.made |= made
        return made

    def _make(self) -> bool:
        """Makes the file, under another name first, so that a process that is killed here leaves no half-made database.
        Returns False if another process was faster."""
        path = Path(self.path)
        if not path.parent.is_dir():
            raise StoreError(
                f"{self.path}: there is no folder {str(path.parent)!r}: make it, or name another with --db"
            )
        new = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            write_empty_store(new)
            os.link(new, path)
            return True
        except FileExistsError:
            return False
        except (duckdb.Error, OSError) as error:
            text = " ".join(str(error).split())
            raise StoreError(f"{self.path} can't be made ({text}): name another file with --db") from error
        finally:
            with suppress(OSError):  # a file that could not be made can't be removed either
                new.unlink()

    def _version(self, connection: duckdb.DuckDBPyConnection) -> int:
        try:
            return version(connection)
        except StoreError as error:
            raise StoreError(f"{self.path}: {error}") from None
