"""Writes values into SQL text, and adds many rows at once.

Values are written into the text, because bound parameters are slow: if pandas is installed, DuckDB imports it for the
first parameter, which takes a second. Rows are not written into the text, because DuckDB needs half the time of an
INSERT to parse it, and holds the GIL meanwhile. Instead DuckDB reads rows from an unnamed temporary file, about 300,000
rows per second, which needs no other package.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from redraft.store.json_records import table_json, texts

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROWS = 4096  # maximum number of rows in one INSERT, which limits the memory for its text
LISTED = 100  # maximum number of values that a condition lists; more are passed as one text, to save memory
COLUMN_TYPES: dict[str, list[str]] = {}  # the types of each table's columns, which are the same in every store


def literal(text: str | None) -> str:
    """Returns a text as an SQL literal, or NULL for None. NUL characters are removed, because SQL text can't contain
    them."""
    return "NULL" if text is None else "'" + text.replace("'", "''").replace("\0", "") + "'"


def one_of(column: str, values: Sequence[str]) -> str:
    """Returns an SQL condition that is true if the column's value is one of `values`."""
    if len(values) > LISTED:
        return f"{column} IN (SELECT unnest(from_json({literal(texts(values))}, '[\"VARCHAR\"]')))"
    return f"{column} IN ({', '.join(map(literal, values))})" if values else "false"


def insert(connection: "DuckDBPyConnection", table: str, rows: Iterable[Sequence[Any]]) -> None:
    """Adds rows to one table through an `Appender`."""
    appender, left = Appender(connection), iter(rows)
    while part := list(islice(left, ROWS)):
        appender.add(table, part)
    appender.flush()


def hide_progress(connection: "DuckDBPyConnection") -> None:
    """Switches off DuckDB's own progress bar, which would appear among the rows of a long result and, in a notebook,
    beside redraft's bar. A pragma is used because in a notebook without ipywidgets DuckDB rejects SET."""
    connection.execute("PRAGMA disable_progress_bar")


class Appender:
    """Adds rows to tables, some thousands at a time. NaN and infinities are kept. Times are passed as ISO texts, and
    values of JSON columns as JSON text. Raises OSError if the disk has no space for temporary files."""

    def __init__(self, connection: "DuckDBPyConnection") -> None:
        self._connection = connection
        self._reads = connection.execute("SELECT current_setting('enable_external_access')").fetchone() == (True,)
        self._tables: dict[str, list[list[Any]]] = {}  # by column, because the garbage collector would track rows

    def add(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Adds rows. Each row has a value for every column of `table`, in the order of the columns."""
        if not rows:
            return
        columns = self._tables.setdefault(table, [[] for _ in rows[0]])
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
        if len(columns[0]) >= ROWS:
            self._write(table, self._tables.pop(table))

    def flush(self) -> None:
        """Writes the rows that were not yet written."""
        while self._tables:
            self._write(*self._tables.popitem())

    def _write(self, table: str, columns: Sequence[Sequence[Any]]) -> None:
        types = _column_types(self._connection, table)
        picks = ", ".join(f"unnest(r.c{i})" for i in range(len(types)))
        shape = ", ".join(f'"c{i}": ["{"VARCHAR" if kind == "JSON" else kind}"]' for i, kind in enumerate(types))
        with _text_relation(table_json(columns, types), self._reads) as text:
            self._connection.execute(
                f"INSERT INTO {table} SELECT {picks} FROM (SELECT from_json(t, '{{{shape}}}') r FROM {text})"
            )


@contextmanager
def _text_relation(pieces: Iterable[bytes], reads: bool) -> Iterator[str]:
    """Yields an SQL relation whose column `t` has the text. If `reads` is false, the text is part of the relation's
    SQL. This is for a store in memory, which can't read files after its first query."""
    if not reads:
        yield f"(VALUES ({literal(b''.join(pieces).decode())})) v(t)"
        return
    with tempfile.TemporaryFile() as file:
        file.writelines(pieces)
        file.seek(0)  # also flushes the buffer; if /dev/fd shares the file offset, reading begins here
        yield f"(SELECT content t FROM read_text('/dev/fd/{file.fileno()}'))"


def _column_types(connection: "DuckDBPyConnection", table: str) -> list[str]:
    if table not in COLUMN_TYPES:
        COLUMN_TYPES[table] = [kind for _, kind, *_ in connection.execute(f"DESCRIBE {table}").fetchall()]
    return COLUMN_TYPES[table]
