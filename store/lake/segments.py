"""Segments: immutable Parquet files with rows that were added to a folder store together.

A segment is a folder in `segments/`. It has a file for each table with rows in the segment, and `segment.json`, which
describes it. It is written under a hidden name, synced to the disk and renamed, so it is either complete or absent. The
log says whether it is part of the store (`committer.py`).
"""

import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from redraft.store.errors import StoreError
from redraft.store.lake.folder import Folder, sync
from redraft.store.lake.log import Segment, State
from redraft.store.lake.template import SCHEMA
from redraft.store.tables.database.database import Leftover
from redraft.store.tables.database.temporary import is_alive
from redraft.store.tables.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CARD = "segment.json"
DAY_S = 86_400.0
YOUNG_S = 10.0
PARQUET = "FORMAT parquet, COMPRESSION zstd"


class NewSegment:
    """A segment that is being written. Its folder is made when the first rows are written."""

    def __init__(self, folder: Folder) -> None:
        self.name = f"{time.time_ns() // 1000:016d}-{secrets.token_hex(6)}"
        self._folder = folder
        self._place = folder.segments / f".{socket.gethostname()}-{os.getpid()}-{self.name}"
        self._rows: dict[str, int] = {}

    def copy(self, connection: "DuckDBPyConnection", table: str, select: str) -> None:
        """Writes the rows of a table, which a SELECT with the table's columns returns. A table can be written only
        once."""
        if not self._rows:
            self._place.mkdir(exist_ok=True)
        file = self._place / f"{table}.parquet"
        [(rows,)] = connection.execute(f"COPY ({select}) TO {literal(str(file))} ({PARQUET})").fetchall()
        if rows:
            sync(file)
            self._rows[table] = rows
        else:
            file.unlink()

    def finish(self, schema: int = SCHEMA, merged: Iterable[str] = ()) -> Segment | None:
        """Moves the segment to its final path and returns it. Returns None if it has no rows."""
        if not self._rows:
            self.discard()
            return None
        size = sum(file.stat().st_size for file in self._place.iterdir())
        segment = Segment(self.name, schema, self._rows, size, tuple(merged))
        with (self._place / CARD).open("wb") as file:
            file.write(msgspec.json.encode(segment))
            file.flush()
            os.fsync(file.fileno())
        sync(self._place)
        self._place.rename(self._folder.segments / self.name)
        sync(self._folder.segments)
        return segment

    def discard(self) -> None:
        """Deletes what was written of an unfinished segment."""
        shutil.rmtree(self._place, ignore_errors=True)


def files(folder: Folder, segments: Iterable[Segment], table: str) -> list[str]:
    """Returns the paths of a table's files, in those segments that have rows of the table."""
    place = os.path.abspath(folder.segments)
    return [f"{place}/{segment.name}/{table}.parquet" for segment in segments if table in segment.rows]


def finished(folder: Folder) -> Iterator[Segment]:
    """Yields every finished segment in the folder, oldest first, including segments that are not part of the store.
    Raises StoreError if one is damaged."""
    for path in sorted(folder.segments.iterdir()):
        if not path.name.startswith("."):
            try:
                yield msgspec.json.decode((path / CARD).read_bytes(), type=Segment)
            except (FileNotFoundError, NotADirectoryError):  # it is being deleted
                continue
            except msgspec.DecodeError as error:
                raise StoreError(f"{path / CARD} is damaged ({error}): restore it from a backup") from error


def leftovers(folder: Folder, state: State) -> list[Leftover]:
    """Returns the segments that killed processes left. A finished segment that is only some seconds old may be that of
    a process which is about to register it, and is left out."""
    found = [Leftover(path, age_s, False) for path, age_s in _unfinished(folder)]
    for path in folder.segments.iterdir():
        if not path.name.startswith(".") and path.name not in state.live and path.name not in state.gone:
            with suppress(FileNotFoundError):
                age_s = time.time() - (path / CARD).stat().st_mtime
                found += [Leftover(path, age_s, True)] if age_s > YOUNG_S else []
    return found


def remove_unfinished(folder: Folder) -> None:
    """Removes what killed processes of this machine left of segments that they did not finish, and what processes of
    other machines left a day ago."""
    for path, _ in _unfinished(folder):
        shutil.rmtree(path, ignore_errors=True)


def _unfinished(folder: Folder) -> Iterator[tuple[Path, float]]:
    """Yields the unfinished segments of dead processes, each with its age in seconds."""
    own = f".{socket.gethostname()}-"
    for path in folder.segments.glob(".*"):
        number = path.name.removeprefix(own).partition("-")[0]
        try:
            age_s = time.time() - path.stat().st_mtime
        except FileNotFoundError:
            continue
        dead = path.name.startswith(own) and number.isdecimal() and not is_alive(int(number))
        if dead or age_s > DAY_S:
            yield path, age_s


def damage(folder: Folder, segments: Iterable[Segment]) -> str | None:
    """Returns a message with a cure if a file of the segments is missing or has a wrong size, otherwise None."""
    for segment in segments:
        place = folder.segments / segment.name
        try:
            size = sum((place / f"{table}.parquet").stat().st_size for table in segment.rows)
        except FileNotFoundError as error:
            return f"{error.filename} is missing: restore it from a backup"
        if size != segment.size:
            return f"{place} has {size:,} bytes in place of {segment.size:,}: restore it from a backup"
    return None
