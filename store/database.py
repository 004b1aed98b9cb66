"""One DuckDB file, opened for each operation and released, so that several processes can take turns at it.

One process may write a DuckDB file, or many may read it, never both. Whoever finds it held waits and tries again.
"""

import logging
import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from redraft.store.blank import STORAGE, blank
from redraft.store.errors import StoreError
from redraft.store.migrations import MIGRATIONS, migrate, version
from redraft.store.sql import literal

MEMORY = ":memory:"
HELD = ("Could not set lock", "different configuration", "Unique file handle conflict")

log = logging.getLogger("redraft.store")


class Database:
    """Opens `path` when asked. `waiting` is told, once an operation, that somebody else holds the file.

    Raises StoreError where the file is not redraft's, is of a newer version, or cannot be made.
    """

    def __init__(
        self, path: str | Path, *, create: bool, waiting: Callable[[str], None] | None, patience: float | None = None
    ) -> None:
        self.path = str(path)
        self._waiting = waiting or log.info
        self._turn = threading.Lock()
        self._held: tuple[int, duckdb.DuckDBPyConnection] | None = None  # a thread, and what it holds
        self._memory: duckdb.DuckDBPyConnection | None = None
        if self.path == MEMORY:
            self._memory = duckdb.connect(MEMORY)
            migrate(self._memory)
            return
        if not Path(self.path).exists():
            if not create:
                raise StoreError(f"no database {self.path!r}: run `redraft generate` first, or name one with --db")
            if self._make():
                return
        with self.open(read_only=True, patience=patience) as connection:
            old = self._checked(version, connection) < len(MIGRATIONS)
        if old:
            with self.open() as connection:
                migrate(connection)

    @contextmanager
    def open(self, *, read_only: bool = False, patience: float | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection, closed at the end. Waits `patience` seconds (None: for ever) while somebody else has the file.
        DuckDB's own errors, and the disk's, come out as StoreError. Within `hold` it is that one."""
        if self._held and self._held[0] == threading.get_ident():
            yield self._held[1]
            return
        if not self._turn.acquire(timeout=-1 if patience is None else patience):
            raise StoreError(f"{self.path} is being used by another thread for more than {patience:g} s: try again")
        try:
            with self._memory.cursor() if self._memory else self._connect(read_only, patience) as connection:
                yield connection
        except (duckdb.Error, OSError) as error:
            raise self._trouble(error) from error
        finally:
            self._turn.release()

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
        start, pause, told = time.monotonic(), 0.005, False
        while True:
            try:
                return _opened(self.path, name, read_only)
            except duckdb.Error as error:
                if not any(sign in str(error) for sign in HELD):
                    raise self._trouble(error) from error
                if patience is not None and time.monotonic() - start > patience:
                    raise StoreError(
                        f"{self.path} is held by another process ({_holder(error)}) for more than {patience:g} s:"
                        " try again, or end that process"
                    ) from error
                if not told and time.monotonic() - start > 0.5:
                    self._waiting(
                        f"waiting for {self.path}, held by another process ({_holder(error)}): end that one, or name"
                        " another file with --db"
                    )
                    told = True
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 1.5, 0.1)

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


def _holder(error: Exception) -> str:
    _, _, rest = str(error).partition("(PID ")
    return f"process {rest.partition(')')[0]}" if rest else "this one"


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
    "created with a newer version of DuckDB": "a newer DuckDB than redraft's wrote it: in that DuckDB, attach a new file"
    f" with (STORAGE_VERSION '{STORAGE}'), and copy it there by COPY FROM DATABASE",
    "not a valid DuckDB database": "it is not a DuckDB database: name another file with --db",
    "Is a directory": "it is a folder: name a file with --db",
    "No space left": "the disk is full: free some space and run the same command again; what was written is safe",
    "File too large": "the file may not grow further: free some space and run the same command again; what was written"
    " is safe",
    "Permission denied": "it can't be written here: give yourself the right to write it, or name another with --db",
    "Read-only file system": "the file system is read-only: name a file elsewhere with --db",
}
