"""A store in a folder that many processes read and write at the same time. `folder.py` describes the layout.

A connection is a database in memory with views of the registered segments' files. A batch becomes a segment when it is
committed. No operation waits for another process.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from weakref import finalize

import duckdb

from redraft.store.errors import QueryError, StoreError
from redraft.store.lake.committer import Committer
from redraft.store.lake.compaction import compact
from redraft.store.lake.folder import Folder, alone, open_folder, remove, use
from redraft.store.lake.log import CHECKPOINT, Log, Segment, State
from redraft.store.lake.readers import reading
from redraft.store.lake.segment_database import NAME, SegmentDatabase
from redraft.store.lake.segments import NewSegment, damage, files, leftovers, remove_unfinished
from redraft.store.lake.template import SCHEMA, Template, empty, template
from redraft.store.tables.database.database import Leftover
from redraft.store.tables.database.temporary import remove_leftovers, temporary_folder
from redraft.store.tables.sql import hide_progress, literal, one_of
from redraft.store.unit import Unit

MEDIUM = 32 * 2**20
"""The size in bytes up to which segments are merged during a run. This takes a part of a second for each 64 batches."""


class FolderDatabase(SegmentDatabase[NewSegment]):
    """Opens the folder store at `path`, as `Database` opens a file. `made` is true if this object made the
    folder. Raises StoreError."""

    def __init__(
        self, path: str, *, create: bool, waiting: Callable[[str], None] | None, patience: float | None = None
    ) -> None:
        path = path.rstrip("/" + os.sep) or path
        super().__init__(path, waiting)
        self._was_empty = os.path.isdir(self.path)  # if it is made now
        self.folder, self.made, self._use = _opened(self.path, create)
        self._end_use = finalize(self, os.close, self._use)
        self.log = Log(self.folder)
        self.committer = Committer(self.folder, self.log)
        self._state: State | None = None  # what the held connection reads
        self._swept = False
        remove_leftovers(self.path)
        state = self.log.read()
        self._checkpoints = state.number // CHECKPOINT  # the number of checkpoints when small segments were last merged
        self._check_schema(state)

    @property
    def journals(self) -> Path | None:
        return self.folder.journal

    @property
    def leases(self) -> Path:
        return self.folder.leases

    def files(self) -> list[Path]:
        return [self.folder.log]

    def size(self) -> int:
        return sum(segment.size for segment in self.log.read().live.values())

    def leftovers(self) -> list[Leftover]:
        return leftovers(self.folder, self.log.read())

    def remove_if_unused(self, runs: Sequence[str]) -> None:
        from redraft.store.journal_files import remove_unanswered  # a query needs no journals

        if not self.made:
            return
        with self._errors(), alone(self._use) as is_alone:
            if is_alone and not self._has_results(runs) and remove_unanswered(self.folder.journal):
                remove(self.folder)
                if self._was_empty:
                    self.folder.path.mkdir()

    def _has_results(self, runs: Sequence[str]) -> bool:
        """Returns whether the store has anything besides problems and the starts and ends of these runs."""
        if any(segment.rows.keys() - {"problems", "run_events"} for segment in self.log.read().live.values()):
            return True
        with self.open(read_only=True) as connection:
            others = f"SELECT 1 FROM raw.run_events WHERE NOT {one_of('run_id', runs)} LIMIT 1"
            return connection.execute(others).fetchone() is not None

    @property
    def template(self) -> Template:
        return template()

    def begin(self) -> NewSegment:
        return NewSegment(self.folder)

    def put(self, new: NewSegment) -> None:
        if segment := new.finish():
            self.register(segment)

    def published(self, units: Sequence[Unit]) -> set[tuple[str, int]]:
        return self.committer.published(units)

    def close(self) -> None:
        self.committer.close()
        super().close()

    def compact(self) -> tuple[int, int]:
        """Merges small segments, and deletes files that no reader can need. Returns a pair: the number of segments
        before and after. Raises StoreError."""
        with self._errors():
            self._sweep()
            return compact(self.folder, self.log, self.committer)

    def _prepare(self) -> None:
        if not self._swept:
            self._sweep()
            self._swept = True

    def _sweep(self) -> None:
        """Deletes or registers what killed processes left. Raises StoreError if a segment is damaged, because rows that
        are written to such a store could not be read."""
        remove_unfinished(self.folder)
        self.committer.sweep()
        with reading(self.folder, self.log) as state:
            if told := damage(self.folder, state.live.values()):
                raise StoreError(told)

    def register(self, segment: Segment) -> None:
        """Adds a finished segment to the store. A connection that is held can then read it. After every 64 entries
        small segments are merged, because a query opens all segments."""
        self.committer.register(segment)
        checkpoints = self.log.read().number // CHECKPOINT
        if checkpoints > self._checkpoints:
            self._checkpoints = checkpoints
            with suppress(duckdb.Error, OSError, StoreError):  # such as a full disk; the batch itself is registered
                compact(self.folder, self.log, self.committer, large=MEDIUM, fewest=CHECKPOINT // 2)
        if (held := self._held_here()) and self._state:
            state = self.log.read()
            if state.epoch != self._state.epoch:  # the files of this epoch must not be deleted either
                state = self._streams.enter_context(reading(self.folder, self.log))
            self._state = state
            held.execute(self._variables(state))

    @contextmanager
    def _reading(self, patience: float | None) -> Iterator[duckdb.DuckDBPyConnection]:
        name = secrets.token_hex(8)
        with reading(self.folder, self.log) as state:
            self._check_schema(state)
            config: dict[str, str | bool | int | float | list[str]] = {
                "custom_user_agent": name,
                "temp_directory": temporary_folder(self.path, name),
            }
            with duckdb.connect(":memory:", config=config) as connection:
                hide_progress(connection)
                connection.execute(f"ATTACH {literal(str(template().database))} AS {NAME} (READ_ONLY); USE {NAME}")
                places = [f"{os.path.abspath(self.folder.segments)}/", f"{template().folder}/"]
                connection.execute(f"SET allowed_directories = [{', '.join(map(literal, places))}]")
                connection.execute(self._variables(state))
                self._state = state
                try:
                    yield connection
                except (duckdb.Error, QueryError):
                    if told := damage(self.folder, state.live.values()):
                        raise StoreError(told) from None
                    raise
                finally:
                    self._state = None

    def _cursor(self, held: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        cursor = held.cursor()
        cursor.execute(f"USE {NAME}")
        if self._state:
            cursor.execute(self._variables(self._state))
        return cursor

    def _variables(self, state: State) -> str:
        """Returns the SQL statements that make a connection read the segments of `state`. DuckDB takes the columns from
        the first file, and estimates the rows of all files from the rows of the first: an empty file in front would
        make DuckDB build the hash table of a join from the large side."""
        segments = state.live.values()
        mixed = any(segment.schema != SCHEMA for segment in segments)
        found = [f"SET VARIABLE mixed = {str(mixed).lower()}"]
        for table in template().tables:
            paths = files(self.folder, segments, table)
            if mixed or not paths:
                paths.insert(0, str(empty(table)))
            found.append(f"SET VARIABLE files_{table} = [{', '.join(map(literal, paths))}]")
        return ";".join(found)

    def _check_schema(self, state: State) -> None:
        newest = max((segment.schema for segment in state.live.values()), default=0)
        if newest > SCHEMA:
            raise StoreError(
                f"{self.path}: it was written by a newer redraft (schema {newest}; this one knows {SCHEMA}):"
                " upgrade redraft, or name another with --db"
            )


def _opened(path: str, create: bool) -> tuple[Folder, bool, int]:
    """Returns the folder at a path, whether it was made just now, and what keeps others from removing it. Raises
    StoreError."""
    while True:
        folder, made = open_folder(path, create=create)
        if (used := use(folder)) is not None:
            return folder, made, used
