"""The committer of a folder store: registers finished segments, so that the store has every attempt at a unit once.

Every process that writes registers its own segments. `sweep` also registers the segments that killed processes finished
but did not register. Two processes may register the same segment, or two segments with the same unit. This is safe
because the log accepts one entry at a time, and each process reads what is registered before it adds an entry.
"""

import secrets
import threading
import time
from collections.abc import Iterable, Sequence

import duckdb

from redraft.store.lake.folder import Folder
from redraft.store.lake.log import Entry, Log, Segment, State
from redraft.store.lake.readers import reading
from redraft.store.lake.segments import NewSegment, files, finished
from redraft.store.tables.sql import literal
from redraft.store.unit import Unit

LANES = 1 << 11
"""The number of lanes. Two processes that number their commits in the same microsecond get different numbers if their
random lanes differ. Otherwise the later one numbers its commits again."""


class Committer:
    """Registers segments. The registered attempts are kept in a table in memory, with 32 bytes for each. Threads may
    share a Committer."""

    def __init__(self, folder: Folder, log: Log) -> None:
        self._folder, self._log = folder, log
        self._lock = threading.RLock()
        self._memory: duckdb.DuckDBPyConnection | None = None
        self._known: set[str] = set()  # the names of segments whose attempts are in the table

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
            memory = self._attempts(self._log.read())
            pairs = {(unit.unit_id, unit.attempt) for unit in units}
            rows = ", ".join(f"({literal(unit)}, {attempt})" for unit, attempt in pairs)
            return set(memory.execute(ASKED.format(rows=rows)).fetchall()) if pairs else set()

    def close(self) -> None:
        """Frees the memory of the table."""
        with self._lock:
            if self._memory:
                self._memory.close()
            self._memory, self._known = None, set()

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
        memory = self._attempts(state)
        commits = f"read_parquet({_list(files(self._folder, [segment], 'commits'))})"
        again, taken = memory.execute(CLASHES.format(commits=commits)).fetchall()[0]
        if again == segment.rows["commits"]:
            return Entry(drop=(segment.name,))
        if not again and not taken:
            return Entry(add=(segment,))
        copy = self._copy(memory, segment, commits)  # if it is not registered, `sweep` drops it later
        return Entry(add=(copy,), drop=(segment.name,))

    def _copy(self, memory: duckdb.DuckDBPyConnection, segment: Segment, commits: str) -> Segment:
        """Writes a copy of the segment, without the attempts that are already registered, and with new commit numbers.
        Returns the copy."""
        memory.execute(RENUMBERED.format(commits=commits, start=first_commit()))
        new = NewSegment(self._folder)
        try:
            for table in segment.rows:
                rows = f"read_parquet({_list(files(self._folder, [segment], table))})"
                numbered = "commit_id" in {name for name, *_ in memory.execute(f"DESCRIBE FROM {rows}").fetchall()}
                new.copy(memory, table, COPIED.format(rows=rows) if numbered else f"FROM {rows}")
            copied = new.finish()
            assert copied is not None  # it has commits
            return copied
        except BaseException:
            new.discard()
            raise

    def _attempts(self, state: State) -> duckdb.DuckDBPyConnection:
        """Returns the connection whose table `known` has the attempts in the segments of `state`."""
        if self._memory is None:
            self._memory = duckdb.connect(":memory:", config={"threads": 1})
            self._memory.execute("CREATE TABLE known (key UHUGEINT, commit_id BIGINT)")
        segments = state.tables("commits")
        new = [segment for segment in segments if segment.name not in self._known]
        if new:
            with reading(self._folder, self._log) as present:
                segments = present.tables("commits")
                new = [segment for segment in segments if segment.name not in self._known]
                self._memory.execute(LEARNT.format(files=_list(files(self._folder, new, "commits"))))
        self._known = {segment.name for segment in segments}
        return self._memory


def first_commit() -> int:
    """Returns the number of a first commit, made of the microseconds since 1970 and a random lane. The numbers of
    further commits follow in steps of LANES."""
    return time.time_ns() // 1000 * LANES + secrets.randbelow(LANES)


def _list(paths: Iterable[str]) -> str:
    return f"[{', '.join(map(literal, paths))}]"


KEY = "md5_number(unit_id || '/' || attempt)"
ASKED = f"""
SELECT unit_id, attempt FROM (VALUES {{rows}}) v(unit_id, attempt) WHERE {KEY} IN (SELECT key FROM known)"""
LEARNT = f"""
INSERT INTO known SELECT * FROM (SELECT {KEY} AS key, commit_id FROM read_parquet({{files}})) n
ANTI JOIN known USING (key)"""
CLASHES = f"""
SELECT count(*) FILTER ({KEY} IN (SELECT key FROM known)), count(*) FILTER (commit_id IN (SELECT commit_id FROM known))
FROM {{commits}}"""
RENUMBERED = f"""
CREATE OR REPLACE TEMP TABLE renumbered AS
SELECT commit_id, {{start}} + {LANES} * (row_number() OVER (ORDER BY commit_id) - 1) AS number
FROM {{commits}} WHERE {KEY} NOT IN (SELECT key FROM known)"""
COPIED = """
SELECT r.* REPLACE (n.number AS commit_id) FROM {rows} r JOIN renumbered n USING (commit_id) ORDER BY n.number"""
