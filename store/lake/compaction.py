"""Merges small segments of a folder store into large ones, while other processes read and write.

One entry of the log replaces the parts by the merged segment. Readers that started before the entry can still read the
parts' files (`readers.py`). If two processes merge the same segments, one succeeds, and the other's segment is dropped.
A process that is killed before it adds the entry leaves a finished segment, which the next `sweep` registers or drops.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import duckdb

from redraft.store.lake.committer import Committer
from redraft.store.lake.folder import Folder
from redraft.store.lake.log import Log, Segment, State
from redraft.store.lake.readers import reading, remove_unneeded
from redraft.store.lake.segments import NewSegment, files
from redraft.store.tables.sql import hide_progress, literal

LARGE = 256 * 2**20
"""The size in bytes from which a segment is not merged. A query opens every segment, but reads only the parts that it
needs of a large one."""


def compact(folder: Folder, log: Log, committer: Committer, *, large: int = LARGE, fewest: int = 2) -> tuple[int, int]:
    """Merges neighbouring segments that together have less than `large` bytes, at least `fewest` at a time, and deletes
    files that no reader can need. Returns a pair: the number of segments before and after. Raises StoreError, OSError
    and duckdb.Error."""
    with reading(folder, log) as state:
        before = len(state.live)
        for parts in _groups(state, large, fewest):
            if merged := _merge(folder, parts):
                committer.register(merged)
    remove_unneeded(folder, log)
    return before, len(log.read().live)


def _groups(state: State, large: int, fewest: int) -> Iterator[list[Segment]]:
    """Yields groups of neighbouring segments, each of which is to be merged."""
    group: list[Segment] = []
    for segment in (*state.live.values(), None):
        if segment is None or sum(part.size for part in group) + segment.size > large:
            if len(group) >= fewest:
                yield group
            group = []
        if segment is not None and segment.size < large:
            group.append(segment)


def _merge(folder: Folder, parts: Sequence[Segment]) -> Segment | None:
    """Writes a segment with the rows of `parts`, in their order and with the columns of their newest schema. Returns
    the segment, or None if it has no rows."""
    new = NewSegment(folder)
    try:
        with duckdb.connect(":memory:", config={"threads": 1}) as connection:
            hide_progress(connection)
            for table in dict.fromkeys(chain.from_iterable(part.rows for part in parts)):
                paths = ", ".join(map(literal, files(folder, parts, table)))
                mixed = len({part.schema for part in parts}) > 1
                new.copy(connection, table, f"FROM read_parquet([{paths}], union_by_name = {str(mixed).lower()})")
        return new.finish(max(part.schema for part in parts), [part.name for part in parts])
    finally:
        new.discard()
