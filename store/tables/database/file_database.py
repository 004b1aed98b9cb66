"""A DuckDB file that is open only during each operation, so that several processes can take turns.

DuckDB allows one process to write a file, or several processes to read it, but not both at the same time. If another
process has the file open, an operation waits and tries again. If other code in this process has opened the file with
its own DuckDB connection, the wait might never end, so the operation fails.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import duckdb

from redraft.store.errors import StoreError
from redraft.store.tables.database.batch import Batch, FileBatch
from redraft.store.tables.database.connection import connect, file_identity, store_error
from redraft.store.tables.database.database import MEMORY, Database
from redraft.store.tables.database.queue import QUEUES, ProcessWait, ThreadQueue
from redraft.store.tables.database.temporary import remove_leftovers
from redraft.store.tables.runs import has_results
from redraft.store.tables.schema.migrations import BASELINE, NEWEST, migrate, version
from redraft.store.tables.schema.template_cache import write_empty_store
from redraft.store.tables.upgrade.upgrade import upgrade

REMOVAL_S = 0.5  # seconds that a failed command waits for the store in order to delete it


class FileDatabase(Database):
    """Opens the file at `path` for each operation. If an operation waits for another process, `waiting` is called with
    a message, and with a second one if the wait is long; if it is None, a warning is logged. `made` is true if this
    object made the file.

    Raises StoreError if the file is not a store of redraft, if a newer version of redraft made it, or if it cannot be
    made.
    """

    def __init__(
        self, path: str | Path, *, create: bool, waiting: Callable[[str], None] | None, patience: float | None = None
    ) -> None:
        if not str(path):
            raise StoreError("no file is named: name one with --db")
        in_memory = str(path) == MEMORY
        super().__init__(str(path), waiting, ThreadQueue() if in_memory else QUEUES[os.path.realpath(path)])
        self.made = False
        self._create = create
        self._memory: duckdb.DuckDBPyConnection | None = None
        if in_memory:
            self._memory = duckdb.connect(MEMORY)
            migrate(self._memory)
            return
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
    def write(self) -> Iterator[Batch]:
        with self.open() as connection:
            batch = FileBatch(connection)
            try:
                yield batch
                batch.commit()
            except BaseException:
                batch.roll_back()
                raise

    @property
    def journals(self) -> Path | None:
        return None if self._memory else Path(f"{self.path}.journal")

    def files(self) -> list[Path]:
        return [Path(self.path)]

    def size(self) -> int:
        return 0 if self._memory else os.path.getsize(self.path)

    def remove_if_unused(self, runs: Sequence[str]) -> None:
        from redraft.store.journal_files import remove_unanswered  # a query needs no journals
        from redraft.store.leases.slices import remove_budgets

        if not self.made:
            return
        with self.open(patience=REMOVAL_S) as connection:
            if not has_results(connection, runs) and remove_unanswered(Path(f"{self.path}.journal")):
                Path(self.path).unlink()
                remove_budgets(self.leases)

    def close(self) -> None:
        """Frees a database in memory. A file needs no closing, because no operation leaves it open."""
        if self._memory:
            self._memory.close()

    def _connection(self, read_only: bool, patience: float | None) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return self._memory.cursor() if self._memory else self._connect(read_only, patience)

    def _connect(self, read_only: bool, patience: float | None) -> duckdb.DuckDBPyConnection:
        # With a unique name, DuckDB rejects a second connection of this process, as it rejects one of another process.
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
        """Makes the file if it is missing. Returns whether it made the file."""
        try:
            os.stat(self.path)
            return False
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:  # ValueError: a zero byte, or a lone surrogate
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
        """Makes the file under a temporary name and then renames it, so that a killed process leaves no incomplete
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
