"""Reading by SQL, and what was read as CSV, JSON or Parquet."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from redraft.store.errors import QueryError
from redraft.store.json_records import strict
from redraft.store.tables.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HELD = 2048  # rows
LOCK = """
    SET python_enable_replacements = false;
    SET enable_external_access = false;
    SET lock_configuration = true;"""


@dataclass(frozen=True, slots=True)
class Table:
    """The result of a query: one name (no two alike) and one DuckDB type a column, and the rows."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]

    def _repr_html_(self) -> str:
        from redraft.store.html import table  # a notebook alone asks for it

        return table(self.rows, self.columns)

    def write_csv(self, file: TextIO) -> None:
        """Writes the rows below a line of column names; NULL is empty."""
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)

    def to_json(self) -> str:
        """A JSON array of objects, one a row; what JSON has no word for is text, NaN and infinities are null."""
        return strict([dict(zip(self.columns, row, strict=True)) for row in self.rows])


def read(connection: "DuckDBPyConnection", sql: str, parameters: Sequence[Any] | None = None) -> Table:
    """Runs one question. Raises QueryError."""
    import duckdb

    try:
        _one(connection, sql)
        _lock(connection)
        connection.execute("BEGIN TRANSACTION READ ONLY")
        result = connection.execute(sql, parameters) if parameters else connection.execute(sql)
        described, rows = result.description or [], result.fetchall()
        connection.execute("ROLLBACK")
        return Table(_distinct([name for name, *_ in described]), [str(kind) for _, kind, *_ in described], rows)
    except duckdb.Error as error:
        raise QueryError(_plain(error)) from error


def each(connection: "DuckDBPyConnection", sql: str) -> Iterator[dict[str, Any]]:
    """One question's rows, of which a few are held at a time. Raises QueryError."""
    import duckdb

    try:
        _one(connection, sql)
        _lock(connection)
        result = connection.execute(sql)
        names = _distinct([name for name, *_ in result.description or []])
        while part := result.fetchmany(HELD):
            yield from (dict(zip(names, row, strict=True)) for row in part)
    except duckdb.Error as error:
        raise QueryError(_plain(error)) from error


def to_parquet(connection: "DuckDBPyConnection", sql: str, file: str | Path) -> int:
    """Writes what one question reads to a Parquet file, and returns the number of rows. Raises QueryError."""
    import duckdb

    try:
        _one(connection, sql)
        connection.execute(f"SET allowed_paths = [{literal(str(file))}]")
        _lock(connection)
        connection.execute(f"CREATE TEMP TABLE result AS {sql}")
        copy = f"COPY temp.result TO {literal(str(file))} (FORMAT parquet, USE_TMP_FILE false)"
        (rows,) = connection.execute(copy).fetchone() or (0,)
    except duckdb.Error as error:
        raise QueryError(_plain(error)) from error
    return rows


def _one(connection: "DuckDBPyConnection", sql: str) -> None:
    """Refuses anything but one statement. A PIVOT counts once, though DuckDB makes a type, without text, before it."""
    found = connection.extract_statements(sql)
    asked = [each for each in found if each.query or each.type.name != "CREATE"]
    if len(asked) != 1:
        raise QueryError(
            "one statement at a time: ask them one after the other"
            if asked
            else "the question is empty: ask one in SQL, such as FROM runs"
        )


def _distinct(names: Sequence[str]) -> list[str]:
    """The names as DuckDB would have them in a table: of a, a and A the others become a_1 and A_2."""
    found: dict[str, str] = {}
    for name in names:
        numbered = (f"{name}_{number}" for number in count(1))
        new = next(each for each in chain([name], numbered) if each.lower() not in found)
        found[new.lower()] = new
    return list(found.values())


def _lock(connection: "DuckDBPyConnection") -> None:
    """Keeps a reader from this program's variables, from files and from the network."""
    if connection.execute("SELECT current_setting('lock_configuration')").fetchone() != (True,):
        connection.execute(LOCK)


def _plain(error: Exception) -> str:
    """DuckDB's message without its picture of the statement, in one line."""
    return " ".join(str(error).partition("\nLINE ")[0].split())
