"""The attempts at units that a store of segments has, in a table in memory with 32 bytes for each.

Every process that writes such a store keeps this table, so that it finds out at once which attempts of a new segment
are registered already, and which of its numbers of commits are taken.
"""

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from redraft.store.tables.sql import literal
from redraft.store.unit import Unit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LANES = 1 << 11
"""The number of lanes. Two processes that number their commits in the same microsecond get different numbers if their
random lanes differ. Otherwise the later one numbers its commits again."""


class Writable(Protocol):
    """A segment that is being written."""

    def copy(self, connection: "DuckDBPyConnection", table: str, select: str) -> None:
        """Writes the rows of a table, from a SELECT that has its columns."""
        ...

    def discard(self) -> None:
        """Deletes what was written of a segment that is not finished."""
        ...


class Attempts:
    """The registered attempts, in a table of a database in memory. Raises duckdb.Error and OSError."""

    def __init__(self, memory: "DuckDBPyConnection") -> None:
        self._memory = memory
        memory.execute("CREATE TABLE known (key UHUGEINT, commit_id BIGINT)")

    def learn(self, commits: str) -> None:
        """Adds the attempts in `commits`, an SQL relation with the columns of `raw.commits`."""
        self._memory.execute(LEARNT.format(commits=commits))

    def published(self, units: Sequence[Unit]) -> set[tuple[str, int]]:
        """Returns those attempts at `units` that are registered, as pairs (unit_id, attempt)."""
        pairs = {(unit.unit_id, unit.attempt) for unit in units}
        rows = ", ".join(f"({literal(unit)}, {attempt})" for unit, attempt in pairs)
        return set(self._memory.execute(ASKED.format(rows=rows)).fetchall()) if pairs else set()

    def clashes(self, commits: str) -> tuple[int, int]:
        """Returns how many attempts in `commits` are registered, and how many of its numbers are taken."""
        [(again, taken)] = self._memory.execute(CLASHES.format(commits=commits)).fetchall()
        return again, taken

    def copy(self, new: Writable, tables: Mapping[str, str]) -> None:
        """Writes a copy of a segment to `new`, without the attempts that are already registered, and with new commit
        numbers. `tables` has an SQL relation for each table of the segment, "commits" among them."""
        self._memory.execute(RENUMBERED.format(commits=tables["commits"], start=first_commit()))
        for table, rows in tables.items():
            numbered = "commit_id" in {name for name, *_ in self._memory.execute(f"DESCRIBE FROM {rows}").fetchall()}
            new.copy(self._memory, table, COPIED.format(rows=rows) if numbered else f"FROM {rows}")


def first_commit() -> int:
    """Returns the number of a first commit, made of the microseconds since 1970 and a random lane. The numbers of
    further commits follow in steps of LANES."""
    return time.time_ns() // 1000 * LANES + secrets.randbelow(LANES)


def parquet(paths: Iterable[str]) -> str:
    """Returns the SQL relation of Parquet files."""
    return f"read_parquet([{', '.join(map(literal, paths))}])"


KEY = "md5_number(unit_id || '/' || attempt)"
ASKED = f"""
SELECT unit_id, attempt FROM (VALUES {{rows}}) v(unit_id, attempt) WHERE {KEY} IN (SELECT key FROM known)"""
LEARNT = f"""
INSERT INTO known SELECT * FROM (SELECT {KEY} AS key, commit_id FROM {{commits}}) n ANTI JOIN known USING (key)"""
CLASHES = f"""
SELECT count(*) FILTER ({KEY} IN (SELECT key FROM known)), count(*) FILTER (commit_id IN (SELECT commit_id FROM known))
FROM {{commits}}"""
RENUMBERED = f"""
CREATE OR REPLACE TEMP TABLE renumbered AS
SELECT commit_id, {{start}} + {LANES} * (row_number() OVER (ORDER BY commit_id) - 1) AS number
FROM {{commits}} WHERE {KEY} NOT IN (SELECT key FROM known)"""
COPIED = """
SELECT r.* REPLACE (n.number AS commit_id) FROM {rows} r JOIN renumbered n USING (commit_id) ORDER BY n.number"""
