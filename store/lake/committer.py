"""The committer of a folder store: registers finished segments, so that the store has every attempt at a unit once.

Every process that writes registers its own segments. `sweep` also registers the segments that killed processes finished
but did not register. Two processes may register the same segment, or two segments with the same unit. This is safe
because the log accepts one entry at a time, and each process reads what is registered before it adds an entry.
"""

import threading
from collections.abc import Sequence

import duckdb

from redraft.store.lake.attempts import Attempts, parquet
from redraft.store.lake.folder import Folder
from redraft.store.lake.log import Entry, Log, Segment, State
from redraft.store.lake.readers import reading
from redraft.store.lake.segments import NewSegment, files, finished
from redraft.store.unit import Unit


class Committer:
    """Registers segments. Threads may share a Committer."""

    def __init__(self, folder: Folder, log: Log) -> None:
        self._folder, self._log = folder, log
        self._lock = threading.RLock()
        self._memory: duckdb.DuckDBPyConnection | None = None
        self._attempts: Attempts | None = None
        self._known: set[str] = set()  # the names of segments whose attempts are known

    def register(self, segment: Segment) -> None:
        """Adds a finished segment to the store, without the attempts that the store already has. A merged segment
        replaces its parts, unless another segment has already replaced them. Raises StoreError, OSError and
        duckdb.Error."""
        with self._lock:
            while True:
                state = self._log.read()
                if segment.name in state.live or segment.name in state.gone or not self._is_there(segment):
                    return  # another process registered it; if it is gone, its rows are in another segment
                entry = self._entry(segment, state)
                if self._log.put(entry, state):
                    return
                if entry.add and entry.add[0].name != segment.name:
                    self.register(entry.add[0])

    def sweep(self) -> int:
        """Registers the segments that killed processes finished but did not register, and returns their number.
        Segments that other processes are registering at the moment may be included."""
        state = self._log.read()
        found = [one for one in finished(self._folder) if one.name not in state.live and one.name not in state.gone]
        for segment in found:
            self.register(segment)
        return len(found)

    def published(self, units: Sequence[Unit]) -> set[tuple[str, int]]:
        """Returns those attempts at `units` that are registered, as pairs (unit_id, attempt)."""
        with self._lock:
            return self._read_attempts(self._log.read()).published(units)

    def close(self) -> None:
        """Frees the memory of the table."""
        with self._lock:
            if self._memory:
                self._memory.close()
            self._memory, self._attempts, self._known = None, None, set()

    def _is_there(self, segment: Segment) -> bool:
        return (self._folder.segments / segment.name).exists()

    def _entry(self, segment: Segment, state: State) -> Entry:
        """Returns the entry that registers a segment. The entry adds the whole segment; or a copy of it, without the
        attempts that are already registered and with new numbers for commits whose numbers are taken; or it only drops
        a segment that is not needed."""
        if segment.merged:
            whole = state.live.keys() >= set(segment.merged)
            return Entry(add=(segment,), drop=segment.merged) if whole else Entry(drop=(segment.name,))
        if "commits" not in segment.rows:
            return Entry(add=(segment,))
        attempts = self._read_attempts(state)
        again, taken = attempts.clashes(parquet(files(self._folder, [segment], "commits")))
        if again == segment.rows["commits"]:
            return Entry(drop=(segment.name,))
        if not again and not taken:
            return Entry(add=(segment,))
        copy = self._copy(attempts, segment)  # if it is not registered, `sweep` drops it later
        return Entry(add=(copy,), drop=(segment.name,))

    def _copy(self, attempts: Attempts, segment: Segment) -> Segment:
        """Writes a copy of the segment, without the attempts that are already registered, and with new commit numbers.
        Returns the copy."""
        new = NewSegment(self._folder)
        try:
            attempts.copy(new, {table: parquet(files(self._folder, [segment], table)) for table in segment.rows})
            copied = new.finish()
            assert copied is not None  # it has commits
            return copied
        except BaseException:
            new.discard()
            raise

    def _read_attempts(self, state: State) -> Attempts:
        """Returns the attempts in the segments of `state`."""
        if self._memory is None or self._attempts is None:
            self._memory = duckdb.connect(":memory:", config={"threads": 1})
            self._attempts = Attempts(self._memory)
        segments = state.tables("commits")
        if any(segment.name not in self._known for segment in segments):
            with reading(self._folder, self._log) as present:
                segments = present.tables("commits")
                new = [segment for segment in segments if segment.name not in self._known]
                self._attempts.learn(parquet(files(self._folder, new, "commits")))
        self._known = {segment.name for segment in segments}
        return self._attempts
