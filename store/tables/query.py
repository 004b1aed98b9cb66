"""Runs read-only SQL queries, and writes their results as CSV, JSON or Parquet."""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from redraft.store.errors import QueryError, quoting
from redraft.store.exports.export_file import FULL, cure, new_path, replacing
from redraft.store.json_records import strict
from redraft.store.tables.reading.admission import check_query
from redraft.store.tables.sql import literal

if TYPE_CHECKING:
    import duckdb
    from duckdb import DuckDBPyConnection

FETCHED_ROWS = 2048  # rows in memory at a time
LEAST_MEMORY = 1000 * 2**20
"""The memory in bytes with which DuckDB 1.5 sorts the candidates of up to three million trajectories. A million need
less than 244 MB, and more need proportionally more. With too little memory a join fails, even if it could use files."""
OUTSIDE = "a value of the result is outside Python's range of its type: make it a text, as in CAST(x AS VARCHAR)"
LOCK = """
    SET python_enable_replacements = false;
    SET enable_external_access = false;
    SET lock_configuration = true;"""


@dataclass(frozen=True, slots=True)
class Table:
    """The result of a query: the rows, and a name and a DuckDB type for each column. The names of the columns are
    distinct."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]

    def _repr_html_(self) -> str:
        from redraft.store.html import table  # only notebooks need it

        return table(self.rows, self.columns)

    def write_csv(self, file: TextIO) -> None:
        """Writes a line with the column names, and then the rows. NULL is written as an empty field."""
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)

    def to_json(self) -> str:
        """Returns the rows as a JSON array of objects. NaN and infinities become null. Values of types that JSON lacks,
        such as dates, become strings."""
        return strict([dict(zip(self.columns, row, strict=True)) for row in self.rows])


def read_table(connection: "DuckDBPyConnection", sql: str, parameters: Sequence[Any] | None = None) -> Table:
    """Returns the result of one statement. Raises QueryError."""
    import duckdb

    try:
        _lock_configuration(connection)
        check_query(connection, sql)
        connection.execute("BEGIN TRANSACTION READ ONLY")
        try:
            result = connection.execute(sql, parameters) if parameters else connection.execute(sql)
            described, rows = result.description or [], result.fetchall()
        finally:
            connection.execute("ROLLBACK")
        return Table(_unique_names([name for name, *_ in described]), [str(kind) for _, kind, *_ in described], rows)
    except duckdb.Error as error:
        raise _refused(error) from error
    except (OverflowError, ValueError) as error:
        raise QueryError(OUTSIDE) from error


def sorting_memory(size: int) -> int:
    """Returns the memory, in bytes, with which DuckDB sorts the candidates of a store of `size` bytes: LEAST_MEMORY, or
    a quarter of the size if that is more."""
    return max(LEAST_MEMORY, size // 4)


def limit_memory(connection: "DuckDBPyConnection", most: int) -> None:
    """Limits DuckDB's memory to `most` bytes; to sort more, it uses files beside the database. Also limits DuckDB to
    one thread, because each thread needs its own memory, and Python takes longer to read many rows than one thread
    takes to sort them. Has no effect on a connection that has already run a query."""
    if _is_locked(connection):
        return
    usual = connection.execute("SELECT parse_formatted_bytes(current_setting('memory_limit'))").fetchone() or (0,)
    connection.execute(f"SET threads = 1; SET memory_limit = '{min(usual[0], most)} bytes'")


def read_parts(
    connection: "DuckDBPyConnection", sql: str, tables: Mapping[str, str] | None = None
) -> Iterator[list[tuple[Any, ...]]]:
    """Yields the rows of one statement in lists, with only FETCHED_ROWS in memory at a time. `tables` are temporary
    tables that the statement may read: it maps each name to the SELECT that makes the table. Raises QueryError."""
    import duckdb

    try:
        _lock_configuration(connection)
        check_query(connection, sql)
        for name, select in (tables or {}).items():
            connection.execute(f"CREATE TEMP TABLE {name} AS {select}")
        result = connection.execute(sql)
        while part := result.fetchmany(FETCHED_ROWS):
            yield part
    except duckdb.Error as error:
        raise _refused(error) from error
    except (OverflowError, ValueError) as error:
        raise QueryError(OUTSIDE) from error


def read_rows(connection: "DuckDBPyConnection", sql: str) -> Iterator[dict[str, Any]]:
    """Yields the rows of one statement as dictionaries by column name, read as in `read_parts`."""
    for part in read_parts(connection, sql):
        names = _unique_names([name for name, *_ in connection.description or []])
        yield from (dict(zip(names, row, strict=True)) for row in part)


def write_parquet(connection: "DuckDBPyConnection", sql: str, file: str | Path) -> int:
    """Writes the result of one statement to a Parquet file, which appears only when it is complete. Returns the number
    of rows. Raises QueryError."""
    import duckdb

    try:
        connection.execute(f"SET allowed_paths = [{literal(str(new_path(Path(file))))}]")
        _lock_configuration(connection)
        check_query(connection, sql)
        connection.execute(f"CREATE TEMP TABLE result AS {sql}")
        with replacing(Path(file)) as new:
            copy = f"COPY temp.result TO {literal(str(new))} (FORMAT parquet, USE_TMP_FILE false)"
            (rows,) = connection.execute(copy).fetchone() or (0,)
            return rows
    except duckdb.Error as error:
        raise QueryError(_not_written(Path(file), error)) from error
    except OSError as error:
        raise QueryError(f"{file} can't be written: {error.strerror}: {cure(error)}") from error


def _refused(error: "duckdb.Error") -> QueryError:
    """Returns the QueryError for a statement that DuckDB rejects. If a value could not be converted, the error's
    `quoted` is the message, because the message contains the value."""
    import duckdb

    message = _short_message(error)
    values = (duckdb.ConversionException, duckdb.InvalidInputException)
    return quoting(QueryError(message), message if isinstance(error, values) else "")


def _not_written(file: Path, error: Exception) -> str:
    """Returns the message about a query whose result can't be written, or that DuckDB rejects."""
    for number in FULL:
        if os.strerror(number) in str(error):
            return f"{file} can't be written: {os.strerror(number)}: {cure(OSError(number, ''))}"
    return _short_message(error)


def _unique_names(names: Sequence[str]) -> list[str]:
    """Returns the names made distinct, as in DuckDB: a number is appended to each repeated name, so a, a and A become
    a, a_1 and A_2."""
    found: dict[str, str] = {}
    for name in names:
        numbered = (f"{name}_{number}" for number in count(1))
        new = next(candidate for candidate in chain([name], numbered) if candidate.lower() not in found)
        found[new.lower()] = new
    return list(found.values())


def _lock_configuration(connection: "DuckDBPyConnection") -> None:
    """Prevents the connection from reading Python variables, files and the network."""
    if not _is_locked(connection):
        connection.execute(LOCK)


def _is_locked(connection: "DuckDBPyConnection") -> bool:
    return connection.execute("SELECT current_setting('lock_configuration')").fetchone() == (True,)


def _short_message(error: Exception) -> str:
    """Returns DuckDB's message in one line, without the excerpt of the statement."""
    return " ".join(str(error).partition("\nLINE ")[0].split())
