"""Runs the SQL queries of pages. The store is open only while a page is read, so that a run can write in between."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redraft.store.tables.store import Store

PATIENCE_S = 20.0  # the time limit in seconds for a writing process to release the store
MEMORY = 244 * 2**20
"""The memory limit in bytes for DuckDB while it reads a page. The views of a million trajectories need about this much;
180 MiB were too few. If a page needs more, it is read again without a limit."""
MOST_CACHED = 64  # maximum number of statements in the cache
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """The store from which pages are read, and the name of the person who looks at them."""

    store: Store
    person: str = ""
    _cache: dict[str, list[Row]] = field(default_factory=dict)
    """The rows of statements, by the statement and the state of the store."""

    def rows(self, sql: str) -> list[Row]:
        """Returns the rows of a statement as dicts by column name. Raises StoreError."""
        return list(self.store.rows(sql, patience=PATIENCE_S))

    def row(self, sql: str) -> Row | None:
        """Returns the first row of a statement, or None if there is none."""
        return next(iter(self.rows(sql)), None)

    def cached_rows(self, sql: str) -> list[Row]:
        """Returns the rows of a statement that reads the whole store and returns few rows. The same statement runs
        again only after the store has changed."""
        key = f"{self.stamp()} {sql}"
        found = self._cache.get(key)
        if found is None:
            found = self.rows(sql)
            while len(self._cache) >= MOST_CACHED:  # the oldest statement is removed first
                self._cache.pop(next(iter(self._cache)), None)
            self._cache[key] = found
        return [dict(row) for row in found]

    def stamp(self) -> str:
        """Returns a string that changes when the store or one of its journals changes. The store is not opened."""
        return "-".join(_state(file) for file in self.store.stamp())


def problem_rows(problem_id: str) -> str:
    """Returns SQL for a table with the newest version of a problem. The view `problems` would first sort all
    problems."""
    return f"(FROM raw.problems WHERE problem_id = {problem_id} ORDER BY added_at DESC LIMIT 1)"


def problem_of_unit(unit: str) -> str:
    """Returns SQL for a table with the problem of a unit."""
    return problem_rows(f"(SELECT any_value(problem_id) FROM raw.commits WHERE unit_id = {unit})")


def numbers(values: Iterable[int]) -> str:
    """Returns integers as a list for SQL's IN. An empty list matches nothing."""
    return ", ".join(map(str, values)) or "NULL"


def by(rows: Sequence[Row], *names: str) -> dict[Any, list[Row]]:
    """Returns a dict that groups rows by a tuple of the values of some columns, or by the value itself if there is one
    column."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        key = row[names[0]] if len(names) == 1 else tuple(row[name] for name in names)
        found.setdefault(key, []).append(row)
    return found


def _state(file: Path) -> str:
    try:
        facts = file.stat()
    except OSError:  # a finished journal is removed
        return "0"
    return f"{facts.st_mtime_ns:x}.{facts.st_size:x}"
