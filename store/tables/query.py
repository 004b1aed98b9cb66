"""Queries in SQL that can only read, and their results as CSV, JSON or Parquet."""

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

FETCHED_ROWS = 2048  # rows in memory at a time
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
        from redraft.store.html import table  # only notebooks need it

        return table(self.rows, self.columns)

    def write_csv(self, file: TextIO) -> None:
        """Writes the rows below a line of column names; NULL is empty."""
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)

    def to_json(self) -> str:
        """The rows as a JSON array of objects. NaN and infinities are null; other values that JSON lacks are texts."""
        return strict([dict(zip(self.columns, row, strict=True)) for row in self.rows])


def read_table(connection: "DuckDBPyConnection", sql: str, parameters: Sequence[Any] | None = None) -> Table:
    """The result of one statement. Raises QueryError."""
    import duckdb

    try:
        _check_single(connection, sql)
        _lock_configuration(connection)
        connection.execute("BEGIN TRANSACTION READ ONLY")
        result = connection.execute(sql, parameters) if parameters else connection.execute(sql)
        described, rows = result.description or [], result.fetchall()
        connection.execute("ROLLBACK")
        return Table(_unique_names([name for name, *_ in described]), [str(kind) for _, kind, *_ in described], rows)
    except duckdb.Error as error:
        raise QueryError(_short_message(error)) from error


def read_rows(connection: "DuckDBPyConnection", sql: str) -> Iterator[dict[str, Any]]:
    """The rows of one statement, of which a few are in memory at a time. Raises QueryError."""
    import duckdb

    try:
        _check_single(connection, sql)
        _lock_configuration(connection)
        result = connection.execute(sql)
        names = _unique_names([name for name, *_ in result.description or []])
        while part := result.fetchmany(FETCHED_ROWS):
            yield from (dict(zip(names, row, strict=True)) for row in part)
    except duckdb.Error as error:
        raise QueryError(_short_message(error)) from error


def write_parquet(connection: "DuckDBPyConnection", sql: str, file: str | Path) -> int:
    """Writes the result of one statement to a Parquet file, and returns the number of rows. Raises QueryError."""
    import duckdb

    try:
        _check_single(connection, sql)
        connection.execute(f"SET allowed_paths = [{literal(str(file))}]")
        _lock_configuration(connection)
        connection.execute(f"CREATE TEMP TABLE result AS {sql}")
        copy = f"COPY temp.result TO {literal(str(file))} (FORMAT parquet, USE_TMP_FILE false)"
        (rows,) = connection.execute(copy).fetchone() or (0,)
    except duckdb.Error as error:
        raise QueryError(_short_message(error)) from error
    return rows


def _check_single(connection: "DuckDBPyConnection", sql: str) -> None:
    """Raises QueryError unless the text is one statement. A PIVOT counts once, though DuckDB adds a statement without
    text, which makes a type, before it."""
    found = connection.extract_statements(sql)
    statements = [statement for statement in found if statement.query or statement.type.name != "CREATE"]
    if len(statements) != 1:
        raise QueryError(
            "one statement at a time: ask them one after the other"
            if statements
            else "the question is empty: ask one in SQL, such as FROM runs"
        )


def _unique_names(names: Sequence[str]) -> list[str]:
    """The names with a number after each repeated one, as in a DuckDB table: a, a and A become a, a_1 and A_2."""
    found: dict[str, str] = {}
    for name in names:
        numbered = (f"{name}_{number}" for number in count(1))
        new = next(candidate for candidate in chain([name], numbered) if candidate.lower() not in found)
        found[new.lower()] = new
    return list(found.values())


def _lock_configuration(connection: "DuckDBPyConnection") -> None:
    """Closes this program's variables, files and the network to the connection."""
    if connection.execute("SELECT current_setting('lock_configuration')").fetchone() != (True,):
        connection.execute(LOCK)


def _short_message(error: Exception) -> str:
    """DuckDB's message without its picture of the statement, in one line."""
    return " ".join(str(error).partition("\nLINE ")[0].split())
