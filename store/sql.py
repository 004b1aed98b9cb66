"""Values inside SQL text, and rows in bulk.

Bound parameters are avoided on purpose: DuckDB's binding of the first one imports pandas where it is installed, which
takes a second. Nor do rows go in as SQL text, since parsing that takes two thirds of an INSERT, and holds the GIL:
DuckDB reads them from a file without a name, about 250,000 rows a second, and needs no other package.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from redraft.store.encode import columns, texts

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROWS = 2048  # of one INSERT: bounds the memory of its text
LISTED = 100  # values in a condition, above which they are one text: an expression each takes some KB
DESCRIBED: dict[str, list[str]] = {}  # the types of each table's columns: every store that is written has the same


def literal(text: str | None) -> str:
    """A text as an SQL literal; None is NULL. NUL characters, which SQL text cannot hold, are left out."""
    return "NULL" if text is None else "'" + text.replace("'", "''").replace("\0", "") + "'"


def one_of(column: str, values: Sequence[str]) -> str:
    """A condition: the column's value is one of these."""
    if len(values) > LISTED:
        return f"{column} IN (SELECT unnest(from_json({literal(texts(values))}, '[\"VARCHAR\"]')))"
    return f"{column} IN ({', '.join(map(literal, values))})" if values else "false"


def insert(connection: "DuckDBPyConnection", table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Appends rows, each with a value for every column of `table`, in its order. NaN and infinities stay as they are;
    times are ISO texts; a JSON column takes JSON text. Raises OSError where temporary files have no room."""
    if not rows:
        return
    types = _types(connection, table)
    picks = ", ".join(f"unnest(r.c{i})" for i in range(len(types)))
    shape = ", ".join(f'"c{i}": ["{"VARCHAR" if kind == "JSON" else kind}"]' for i, kind in enumerate(types))
    (files,) = connection.execute("SELECT current_setting('enable_external_access')").fetchone() or (True,)
    for part in _parts(rows):
        with _text(columns(part, types), files) as text:
            connection.execute(
                f"INSERT INTO {table} SELECT {picks} FROM (SELECT from_json(t, '{{{shape}}}') r FROM {text})"
            )


@contextmanager
def _text(pieces: Iterable[bytes], files: bool) -> Iterator[str]:
    """What selects a text as `t`. A store in memory that was asked something reads no files any more."""
    if not files:
        yield f"(VALUES ({literal(b''.join(pieces).decode())})) v(t)"
        return
    with tempfile.TemporaryFile() as file:
        file.writelines(pieces)
        file.flush()
        yield f"(SELECT content t FROM read_text('/dev/fd/{file.fileno()}'))"


def _parts(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    for start in range(0, len(rows), ROWS):
        yield rows[start : start + ROWS]


def _types(connection: "DuckDBPyConnection", table: str) -> list[str]:
    if table not in DESCRIBED:
        DESCRIBED[table] = [kind for _, kind, *_ in connection.execute(f"DESCRIBE {table}").fetchall()]
    return DESCRIBED[table]
