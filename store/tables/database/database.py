"""A DuckDB file that is open only during each operation, so that several processes can take turns.

DuckDB lets one process write a file, or several processes read it, but not both. If another process has the file open,
an operation waits and tries again. If other code in this process has opened the file with its own DuckDB connection,
the wait might never end, so the operation fails instead.
"""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

import duckdb

from redraft.store.errors import StoreError
from redraft.store.tables.database.connection import connect, file_identity, store_error
from redraft.store.tables.database.queue import QUEUES, ProcessWait, ThreadQueue
from redraft.store.tables.database.temporary import remove_leftovers
from redraft.store.tables.query import limit_memory, sorting_memory
from redraft.store.tables.schema.migrations import BASELINE, NEWEST, migrate, version
from redraft.store.tables.schema.template_cache import write_empty_store
from redraft.store.tables.upgrade.upgrade import upgrade
from redraft.store.waiting import cut_short

MEMORY = ":memory:"

log = logging.getLogger("redraft.store")


class Database:
    """Opens the file at `path` for each operation. If an operation waits for another process, `waiting` gets a message,
    and a second message if the wait is long; without `waiting`, a warning is logged. `made` is true if this object made
    the file.

    Raises StoreError if the file is not redraft's, if a newer version of redraft made it, or if it cannot be made.
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
        self._streams = ExitStack()  # the connections of `stream` that end with the `hold` around them
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
        remove_leftovers(self.path)
        with self.open(read_only=True, patience=patience) as connection:
            found = self._version(connection)
        if 0 < found < BASELINE:
            with self.open() as connection:
                if self._version(connection) < BASELINE:  # another process may have copied it meanwhile
                    upgrade(connection, self.path, self.say)
        elif found < NEWEST:
            with self.open() as connection:
                migrate(connection)

    @contextmanager
    def open(self, *, read_only: bool = False, patience: float | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yields a connection, and closes it at the end. Inside `hold`, it yields the connection of `hold`. If another
        process has the file, it waits at most `patience` seconds (None: for ever).

        Raises StoreHeld if other code in this process has the file open. Errors of DuckDB and of the disk become
        StoreError.
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
    def hold(
        self,
        *,
        read_only: bool = False,
        patience: float | None = None,
        streaming: bool = False,
        memory: int | None = None,
    ) -> Iterator[None]:
        """Keeps one connection open for all operations of this thread inside the `with` block, because opening the file
        takes longer than most operations. With `streaming` or `memory` (bytes), DuckDB's memory is bounded. Inside
        another `hold` it does nothing."""
        with self.open(read_only=read_only, patience=patience) as connection, ExitStack() as streams:
            if self._held and self._held[1] is connection:
                yield
                return
            if (streaming or memory) and not self._memory:
                limit_memory(connection, memory or sorting_memory(self.path))
            self._held, self._streams = (threading.get_ident(), connection), streams
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def stream(self, *, patience: float | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yields a connection for one statement whose rows are read little by little, and holds the file meanwhile. If
        another `hold` is around it, the connection is closed at the end of that `hold` at the latest, even if a
        generator that reads from it is never closed: an open connection would keep the file."""
        with self.hold(read_only=True, patience=patience, streaming=True), self.open(read_only=True) as held:
            connection = self._streams.enter_context(held.cursor())
            with cut_short(connection.interrupt):
                yield connection
            connection.close()

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
        try:
            os.stat(self.path)
            return False
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:  # ValueError: a zero byte, or half a character
            why = error.strerror if isinstance(error, OSError) else "its name is no text"
            raise StoreError(f"{self.path!r} can't be opened ({why}): name another file with --db") from error
        if not self._create:
            raise StoreError(
                f"no database {self.path!r}: run `redraft generate` or `redraft import` first, or name one with --db"
            )
        made = self._make()
        self.made |= made
        return made

    def _make(self) -> bool:
        """Makes the file under a temporary name and then renames it, so that a killed process leaves no half-made
        database. Returns False if another process made the file first."""
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
