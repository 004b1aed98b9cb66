"""One DuckDB file, opened for each operation and released, so that several processes can take turns at it.

One process may write a DuckDB file, or many may read it, never both. An operation that finds the file open in another
process waits and tries again. If a connection of this very process has it open, which redraft did not make, waiting
may be for ever, so that the operation fails instead.
"""

import logging
import os
import random
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import duckdb

from redraft.store.errors import StoreError, StoreHeld
from redraft.store.tables.schema.migrations import MIGRATIONS, migrate, version
from redraft.store.tables.schema.template_cache import STORAGE, blank
from redraft.store.tables.sql import literal
from redraft.store.waiting import cut_short, pause

MEMORY = ":memory:"
LOCKED = "Could not set lock"  # by another process
HELD_HERE = ("different configuration", "Unique file handle conflict")  # by a connection of this process
HERE_S = 0.25  # for a connection of this process that is about to be closed
NOTED_S = 0.5  # until it is said that an operation waits
LONG_S = 60.0  # until it is said how to end the process that it waits for

log = logging.getLogger("redraft.store")


class Turn:
    """Lets one thread of this process at a file at a time, whatever Database it uses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: int | None = None  # that has its turn

    @contextmanager
    def taken(self, path: str, patience: float | None) -> Iterator[None]:
        """Waits `patience` seconds (None: for ever) for the turn. Raises StoreError."""
        if self._thread == threading.get_ident():
            raise StoreError(f"{path} is still being read here: read to the last row first")
        end = None if patience is None else time.monotonic() + patience
        while not self._lock.acquire(timeout=0.1 if end is None else max(0.0, min(0.1, end - time.monotonic()))):
            pause(0)
            if end is not None and time.monotonic() >= end:
                raise StoreError(f"{path} is being used by another thread for more than {patience:g} s: try again")
        self._thread = threading.get_ident()
        try:
            yield
        finally:
            self._thread = None
            self._lock.release()


TURNS: defaultdict[str, Turn] = defaultdict(Turn)  # by the real paths of files
os.register_at_fork(after_in_child=TURNS.clear)


class Database:
    """Opens `path` when asked. `waiting` is told, once an operation, that it waits for another process, and once more
    if that takes long; without it a warning is logged. `made` tells whether the file was made here.

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
        self._held: tuple[int, duckdb.DuckDBPyConnection] | None = None  # a thread, and what it holds
        self._memory: duckdb.DuckDBPyConnection | None = None
        if self.path == MEMORY:
            self._turn = Turn()
            self._memory = duckdb.connect(MEMORY)
            migrate(self._memory)
            return
        self._turn = TURNS[os.path.realpath(self.path)]
        with self._turn.taken(self.path, patience):
            if self._make_if_missing():
                return
        with self.open(read_only=True, patience=patience) as connection:
            old = self._checked(version, connection) < len(MIGRATIONS)
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
        with self._turn.taken(self.path, patience):
            try:
                with (
                    self._memory.cursor() if self._memory else self._connect(read_only, patience) as connection,
                    cut_short(connection.interrupt) if read_only else nullcontext(),
                ):
                    yield connection
            except (duckdb.Error, OSError) as error:
                raise self._trouble(error) from error

    @contextmanager
    def hold(self, *, read_only: bool = False) -> Iterator[None]:
        """One connection for all that this thread does meanwhile: opening takes longer than most of that."""
        with self.open(read_only=read_only) as connection:
            self._held = threading.get_ident(), connection
            try:
                yield
            finally:
                self._held = None

    def close(self) -> None:
        """Lets go of an in-memory database; a file is never held."""
        if self._memory:
            self._memory.close()

    def _connect(self, read_only: bool, patience: float | None) -> duckdb.DuckDBPyConnection:
        # A name of its own makes DuckDB refuse a second connection of this process, as it does one of another process.
        name = secrets.token_hex(8)
        wait = _Wait(self.path, patience, self.say)
        while True:
            self._make_if_missing()
            file = _file(self.path)
            try:
                connection = _opened(self.path, name, read_only)
            except duckdb.Error as error:
                if not wait.worthwhile(str(error)):
                    raise self._trouble(error) from error
            else:
                if _file(self.path) == file:
                    return connection
                connection.close()  # of a file that was removed while it was being opened
            wait.rest()

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
        """Makes the file under another name first: a process killed here leaves no half-made database behind. False
        where another process was faster."""
        path = Path(self.path)
        if not path.parent.is_dir():
            raise StoreError(
                f"{self.path}: there is no folder {str(path.parent)!r}: make it, or name another with --db"
            )
        new = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            blank(new)
            os.link(new, path)
            return True
        except FileExistsError:
            return False
        except (duckdb.Error, OSError) as error:
            text = " ".join(str(error).split())
            raise StoreError(f"{self.path} can't be made ({text}): name another file with --db") from error
        finally:
            with suppress(OSError):  # what could not be made can't be removed either
                new.unlink()

    def _checked(self, check: Callable[[duckdb.DuckDBPyConnection], int], connection: duckdb.DuckDBPyConnection) -> int:
        try:
            return check(connection)
        except StoreError as error:
            raise StoreError(f"{self.path}: {error}") from None

    def _trouble(self, error: Exception) -> StoreError:
        text = " ".join(str(error).split())
        for sign, cure in CURES.items():
            if sign in text:
                return StoreError(f"{self.path}: {cure}")
        return StoreError(f"{self.path}: {text}")


def _opened(path: str, name: str, read_only: bool) -> duckdb.DuckDBPyConnection:
    """A connection called `name`. One that writes detaches the file and attaches it again, since only ATTACH takes the
    size of row groups: DuckDB rewrites a table's last one with every batch, in memory, and each thread for itself."""
    if read_only:
        return duckdb.connect(path, read_only=True, config={"custom_user_agent": name})
    connection = duckdb.connect(path, config={"custom_user_agent": name, **WRITING})
    try:
        own, stored = connection.execute(ATTACHED).fetchone() or ("", "")
        kept = UPGRADED if stored == OLD else ""
        connection.execute(AGAIN.format(own=_quoted(own), other=_quoted(name), path=literal(path), kept=kept))
    except duckdb.Error:
        connection.close()
        raise
    return connection


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _file(path: str) -> tuple[int, int] | None:
    """What tells a file from another one of its name."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


class _Wait:
    """One operation's wait for a file that somebody has open."""

    def __init__(self, path: str, patience: float | None, say: Callable[[str], None]) -> None:
        self._path, self._patience, self._say = path, patience, say
        self._start = self._since = time.monotonic()
        self._holder = ""  # the process that was met last, since when
        self._said = 0
        self._pause_s = 0.005

    def worthwhile(self, error: str) -> bool:
        """Whether this error of DuckDB's passes by waiting. Says whom it waits for. Raises StoreHeld if a connection of
        this process has the file, and StoreError if the patience is at its end."""
        now = time.monotonic()
        holder = _process(error)
        if holder == str(os.getpid()) or any(sign in error for sign in HELD_HERE):
            if now - self._start > HERE_S:
                raise StoreHeld(
                    f"{self._path} is open in a DuckDB connection of this very process: close that connection"
                    " (connection.close(), or DETACH), then try again; what is collected is safe"
                )
            return True
        if LOCKED not in error:
            return False
        if holder != self._holder:
            self._holder, self._since = holder, now
        if self._patience is not None and now - self._start > self._patience:
            raise StoreError(
                f"{self._path} is held by another process (process {holder}) for more than {self._patience:g} s:"
                " try again, or close it there"
            )
        if not self._said and now - self._start > NOTED_S:
            self._tell(f"waits its turn: process {holder} has {self._path} open")
        elif self._said == 1 and now - self._since > LONG_S:
            self._tell(
                f"still waits: process {holder} has had {self._path} open for {LONG_S:g} s: close it there, or end that"
                f" process with `kill {holder}`; what is collected is safe"
            )
        return True

    def rest(self) -> None:
        """A moment until the next try."""
        pause(self._pause_s * random.uniform(0.5, 1.0))
        self._pause_s = min(self._pause_s * 1.5, 0.1)

    def _tell(self, text: str) -> None:
        self._said += 1
        self._say(text)


def _process(error: str) -> str:
    """The process that DuckDB names in its error, such as "123"; "?" if it names none."""
    _, _, rest = error.partition("(PID ")
    return rest.partition(")")[0] or "?"


WRITING: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "enable_external_file_cache": False,  # the texts that rows are read from come under one name, one after the other
    # A commit goes straight into the file, without a log that would be written, read and written again.
    "checkpoint_threshold": "0KB",
    "auto_checkpoint_skip_wal_threshold": 0,
    # Zstandard makes the file half as large as FSST does (which is switched off below), in less than half the time.
    "zstd_min_string_length": 16,  # bytes on average: that of ids
}
OLD = "v1.0.0+"  # files of DuckDB 1.1 and before hold no Zstandard
UPGRADED = f", STORAGE_VERSION '{STORAGE}'"
ATTACHED = """
    SELECT database_name, tags['storage_version'] FROM duckdb_databases() WHERE database_name = current_database()"""
AGAIN = """
    ATTACH ':memory:' AS {other}; USE {other}; DETACH {own};
    ATTACH {path} AS {own} (ROW_GROUP_SIZE 4096{kept}); USE {own}; DETACH {other};
    SET disabled_compression_methods = 'fsst,dict_fsst'"""
CURES = {
    "created with a newer version of DuckDB": "a newer DuckDB than redraft's wrote it: in that DuckDB, attach a new"
    f" file with (STORAGE_VERSION '{STORAGE}'), and copy it there by COPY FROM DATABASE",
    "not a valid DuckDB database": "it is not a DuckDB database: name another file with --db",
    "Cannot launch in-memory database": "it is not a DuckDB database: name another file with --db",
    "Is a directory": "it is a folder: name a file with --db",
    "No space left": "the disk is full: free some space and run the same command again; what was written is safe",
    "File too large": "the file may not grow further: free some space and run the same command again; what was written"
    " is safe",
    "Permission denied": "it can't be written here: give yourself the right to write it, or name another with --db",
    "Read-only file system": "the file system is read-only: name a file elsewhere with --db",
}
