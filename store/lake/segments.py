"""Segments: immutable Parquet files of rows that became part of a folder store together.

A segment is a folder below `segments/`, with a file for each table that it has rows of, and `segment.json`, which says
what is in it. It is written under a hidden name, synced and renamed, so it is whole or not there. The log says whether
it is part of the store (`committer.py`).
"""

import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from redraft.store.errors import StoreError
from redraft.store.lake.folder import Folder, sync
from redraft.store.lake.log import Segment
from redraft.store.lake.template import SCHEMA
from redraft.store.tables.database.temporary import is_alive
from redraft.store.tables.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CARD = "segment.json"
DAY_S = 86_400.0
PARQUET = "FORMAT parquet, COMPRESSION zstd"


class NewSegment:
    """A segment that is being written. It takes no place on the disk before the first rows come."""

    def __init__(self, folder: Folder) -> None:
        self.name = f"{time.time_ns() // 1000:016d}-{secrets.token_hex(6)}"
        self._folder = folder
        self._place = folder.segments / f".{socket.gethostname()}-{os.getpid()}-{self.name}"
        self._rows: dict[str, int] = {}

    def copy(self, connection: "DuckDBPyConnection", table: str, select: str) -> None:
        """Writes the rows of a table, from a SELECT that has its columns. A table can be written once."""
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
        """Puts the segment in its place and returns it; None if it has no rows."""
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
        """Removes what was written of a segment that is not finished."""
        shutil.rmtree(self._place, ignore_errors=True)


def files(folder: Folder, segments: Iterable[Segment], table: str) -> list[str]:
    """Returns the files of a table, of those segments that have rows of it."""
    place = os.path.abspath(folder.segments)
    return [f"{place}/{segment.name}/{table}.parquet" for segment in segments if table in segment.rows]


def finished(folder: Folder) -> Iterator[Segment]:
    """Yields every finished segment in the folder, the oldest first, whether it is part of the store or not. Raises
    StoreError if one is damaged."""
    for path in sorted(folder.segments.iterdir()):
        if not path.name.startswith("."):
            try:
                yield msgspec.json.decode((path / CARD).read_bytes(), type=Segment)
            except (FileNotFoundError, NotADirectoryError):  # it is being removed
                continue
            except msgspec.DecodeError as error:
                raise StoreError(f"{path / CARD} is damaged ({error}): bring it back from a copy of yours") from error


def remove_unfinished(folder: Folder) -> None:
    """Removes what killed processes of this machine left of segments that they did not finish, and what processes of
    other machines left a day ago."""
    own = f".{socket.gethostname()}-"
    for path in folder.segments.glob(".*"):
        number = path.name.removeprefix(own).partition("-")[0]
        try:
            old = time.time() - path.stat().st_mtime > DAY_S
        except FileNotFoundError:
            continue
        dead = path.name.startswith(own) and number.isdecimal() and not is_alive(int(number))
        if dead or old:
            shutil.rmtree(path, ignore_errors=True)


def damage(folder: Folder, segments: Iterable[Segment]) -> str | None:
    """Returns what is wrong with the files of segments, and the cure; None if they are all there in their length."""
    for segment in segments:
        place = folder.segments / segment.name
        try:
            size = sum((place / f"{table}.parquet").stat().st_size for table in segment.rows)
        except FileNotFoundError as error:
            return f"{error.filename} is missing: bring it back from a copy of yours"
        if size != segment.size:
            return f"{place} has {size:,} bytes in place of {segment.size:,}: bring it back from a copy of yours"
    return None
