"""Values inside SQL text, and rows in bulk.

Bound parameters are avoided on purpose: DuckDB's binding of the first one imports pandas where it is installed, which
takes a second. Columns as JSON literals insert about 110,000 rows a second and need no other package.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from redraft.store.encode import columns

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROWS = 20_000  # of one INSERT: bounds the memory of its text


LISTED = 100  # values in a condition, above which they are one text: an expression each takes some KB


def literal(text: str | None) -> str:
    """A text as an SQL literal; None is NULL. NUL characters, which SQL text cannot hold, are left out."""
    return "NULL" if text is None else "'" + text.replace("'", "''").replace("\0", "") + "'"


def one_of(column: str, values: Sequence[str]) -> str:
    """A condition: the column's value is one of these."""
    if len(values) > LISTED:
        return f"{column} IN (SELECT {_unnest(literal(columns([(value,) for value in values])[0]), 'VARCHAR')})"
    return f"{column} IN ({', '.join(map(literal, values))})" if values else "false"


def insert(connection: "DuckDBPyConnection", table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Appends rows, each with a value for every column of `table`, in its order. NaN and infinities stay as they are;
    times are ISO texts; a JSON column takes JSON text."""
    types = [kind for _, kind in _columns(connection, table)]
    for part in _parts(rows):
        names = ", ".join(f"c{i}" for i in range(len(types)))
        picks = ", ".join(_unnest(f"c{i}", kind) for i, kind in enumerate(types))
        values = ", ".join(literal(text) for text in columns(part))
        connection.execute(f"INSERT INTO {table} SELECT {picks} FROM (VALUES ({values})) v({names})")


def _unnest(column: str, kind: str) -> str:
    if kind == "JSON":
        return f"unnest(from_json({column}, '[\"VARCHAR\"]'))::JSON"
    return f"unnest(from_json({column}, '[\"{kind}\"]'))"


def _parts(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    for start in range(0, len(rows), ROWS):
        yield rows[start : start + ROWS]


def _columns(connection: "DuckDBPyConnection", table: str) -> list[tuple[str, str]]:
    described = connection.execute(f"DESCRIBE {table}").fetchall()
    return [(name, kind) for name, kind, *_ in described]
