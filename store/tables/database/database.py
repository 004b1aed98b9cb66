"""The base class of all kinds of stores: one connection for each operation, or one that is held for several
operations."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import duckdb

from redraft.store.errors import StoreError
from redraft.store.tables.database.batch import Batch
from redraft.store.tables.database.connection import store_error
from redraft.store.tables.database.queue import ThreadQueue
from redraft.store.tables.query import limit_memory, sorting_memory
from redraft.store.waiting import cut_short

MEMORY = ":memory:"

log = logging.getLogger("redraft.store")


class Leftover(NamedTuple):
    """A part of a store that a killed process wrote and did not register: its folder, its age, and whether it is
    finished."""

    path: Path
    age_s: float
    is_finished: bool


class Database(ABC):
    """Opens the database at `path` for each operation. If an operation waits for another process, `waiting` is called
    with a message; if it is None, a warning is logged. Only one thread of this process uses the database at a time.
    `merges` is the word for what `compact` merges."""

    merges = "segment"

    def __init__(self, path: str, waiting: Callable[[str], None] | None, queue: ThreadQueue) -> None:
        self.path = path
        self.say = waiting or log.warning
        self._queue = queue
        self._held: tuple[int, duckdb.DuckDBPyConnection] | None = None  # a thread id, and the connection that it holds
        self._streams = ExitStack()  # the connections of `stream`, which are closed with the surrounding `hold`

    @contextmanager
    def open(self, *, read_only: bool = False, patience: float | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yields a connection, and closes it at the end. Inside `hold`, yields the connection of `hold`. If the
        database allows only one process at a time and another process has it open, waits at most `patience` seconds
        (None: without limit). Raises StoreHeld if other code in this process has the file open. Converts errors of
        DuckDB and of the operating system to StoreError."""
        if held := self._held_here():
            yield held
            return
        with (
            self._queue.enter(self.path, patience),
            self._errors(),
            self._connection(read_only, patience) as connection,
            cut_short(connection.interrupt) if read_only else nullcontext(),
        ):
            yield connection

    @abstractmethod
    def write(self) -> AbstractContextManager[Batch]:
        """Yields a batch of rows, which is committed at the end if the block does not raise. Raises StoreHeld and
        StoreError as `open` does."""

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
        takes longer than most operations. With `streaming` or `memory` (bytes), DuckDB's memory is limited. Has no
        effect inside another `hold`."""
        with self.open(read_only=read_only, patience=patience) as connection, ExitStack() as streams:
            if self._held and self._held[1] is connection:
                yield
                return
            if (streaming or memory) and self.path != MEMORY:
                limit_memory(connection, memory or sorting_memory(self.size()))
            self._held, self._streams = (threading.get_ident(), connection), streams
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def stream(self, *, patience: float | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yields a connection for one statement whose rows are read little by little, and holds the file meanwhile.
        Inside another `hold`, the connection is closed at the latest at the end of that `hold`, even if a generator
        that reads from it is never closed, because an open connection would keep the file open."""
        with self.hold(read_only=True, patience=patience, streaming=True), self.open(read_only=True) as held:
            connection = self._streams.enter_context(self._cursor(held))
            with cut_short(connection.interrupt):
                yield connection
            connection.close()

    @property
    def ordered(self) -> bool:
        """Whether the rows of a table in `raw` are read in the order of their publication."""
        return True

    @property
    def place(self) -> Path:
        """The file or the folder that has the rows."""
        return Path(self.path)

    @property
    @abstractmethod
    def journals(self) -> Path | None:
        """Returns the folder of the recipes' journals; None for a store in memory."""

    @property
    def leases(self) -> Path:
        """Returns the folder of the recipes' leases. The store must not be in memory."""
        return Path(f"{self.path}.leases")

    @abstractmethod
    def files(self) -> list[Path]:
        """Returns paths of files and folders, at least one of which changes whenever the store changes."""

    @abstractmethod
    def size(self) -> int:
        """Returns the size of the store in bytes, without its journals."""

    @abstractmethod
    def remove_if_unused(self, runs: Sequence[str]) -> None:
        """Deletes the store if this object made it, no other process can be using it, and nothing was collected: it has
        at most problems and the runs `runs`, and no journal has an answer. Raises StoreError."""

    def facts(self) -> str:
        """Returns in words what `redraft doctor` says about the store, beside its rows and its size; "" if nothing."""
        return ""

    def compact(self) -> tuple[int, int]:
        """Merges small segments. Returns a pair: the number of segments before and after. Raises StoreError."""
        raise StoreError(f"{self.path} is one file, which has no segments: there is nothing to merge")

    def leftovers(self) -> list[Leftover]:
        """Returns what killed processes wrote and did not register; a file has no such parts."""
        return []

    @abstractmethod
    def close(self) -> None:
        """Frees the memory that this object keeps between operations."""

    @abstractmethod
    def _connection(
        self, read_only: bool, patience: float | None
    ) -> AbstractContextManager[duckdb.DuckDBPyConnection]: ...

    def _cursor(self, held: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """Returns another connection that reads the same state as the held connection."""
        return held.cursor()

    def _held_here(self) -> duckdb.DuckDBPyConnection | None:
        """Returns the connection that this thread holds, or None."""
        return self._held[1] if self._held and self._held[0] == threading.get_ident() else None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Converts errors of DuckDB and of the operating system to StoreError."""
        try:
            yield
        except (duckdb.Error, OSError) as error:
            raise store_error(self.path, error) from error
