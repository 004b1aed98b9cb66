"""Makes the database through which a store of segments is read. It has the same views, macros and comments as a store
that is one file, but each table in `raw` is a view. In a folder store it is a view of Parquet files, and the variable
`files_TABLE` has the paths of a table's files.

Making it takes a third of a second, so it is cached, for a folder store with an empty Parquet file for each table:
DuckDB takes the columns from the first file that it reads.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import duckdb

from redraft.store.digest import texts_digest
from redraft.store.errors import StoreError
from redraft.store.tables.schema.migrations import NEWEST, migrate
from redraft.store.tables.schema.template_cache import cache_folder, schema_digest
from redraft.store.tables.sql import literal

VIEWS = "views.duckdb"
EMPTY = ".parquet"


class Template:
    """A folder with the database and, if `suffix` is not empty, with a file for each table, whose name ends with it.
    `tables` maps each table in `raw` to its columns, and each column to its type. Raises OSError and duckdb.Error if a
    file is missing or damaged."""

    def __init__(self, folder: Path, suffix: str = "") -> None:
        self.folder = folder
        self.database = folder / VIEWS
        with duckdb.connect(str(self.database), read_only=True) as connection:
            rows = connection.execute(COLUMNS).fetchall()
        self.tables: dict[str, dict[str, str]] = {}
        for table, column, kind in rows:
            self.tables.setdefault(table, {})[column] = kind
        for table in self.tables if suffix else ():
            (folder / f"{table}{suffix}").stat()


@cache
def template() -> Template:
    """Returns the template of a folder store. Raises StoreError if it can't be made."""
    return cached("folder-store", [VIEW, ROWID], _make, EMPTY)


def empty(table: str) -> Path:
    """Returns the path of an empty Parquet file with the columns of a table."""
    return template().folder / f"{table}{EMPTY}"


def cached(name: str, texts: Sequence[str], make: Callable[[Path], None], suffix: str = "") -> Template:
    """Returns the template for the present schema and for `texts`, from the user's cache folder. If that folder can't
    be written, the template is made in a temporary folder. `make` writes it into a folder. Raises StoreError if neither
    can be written."""
    wanted = cache_folder() / f"{name}-{schema_digest()}-{texts_digest(texts)}"
    with suppress(OSError, duckdb.Error):
        if not wanted.is_dir():
            wanted.parent.mkdir(parents=True, exist_ok=True)
            new = Path(tempfile.mkdtemp(prefix=f".{wanted.name}.", dir=wanted.parent))
            try:
                make(new)
                with suppress(OSError):  # another process was first
                    new.rename(wanted)
            finally:
                shutil.rmtree(new, ignore_errors=True)
        return Template(wanted, suffix)
    try:
        place = tempfile.TemporaryDirectory(prefix="redraft-")
        make(Path(place.name))
    except (OSError, duckdb.Error) as error:
        text = " ".join(str(error).split())
        raise StoreError(f"neither {wanted.parent} nor the temporary folder can be written ({text})") from error
    found = Template(Path(place.name), suffix)
    KEPT.append(place)
    return found


KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Temporary folders, which are deleted when the process ends."""


def _make(folder: Path) -> None:
    with duckdb.connect(str(folder / VIEWS)) as connection:

        def prepare(tables: Iterable[str]) -> None:
            connection.execute("SET VARIABLE mixed = false")
            for table in tables:
                file = literal(str(folder / f"{table}{EMPTY}"))
                connection.execute(
                    f"COPY raw.{table} TO {file} (FORMAT parquet); SET VARIABLE files_{table} = [{file}]"
                )

        make_views(connection, VIEW, prepare)


def make_views(connection: duckdb.DuckDBPyConnection, view: str, prepare: Callable[[Iterable[str]], None]) -> None:
    """Makes the schema, and replaces each table in `raw` by a view that has the column `rowid` too. `view` is the
    view's SELECT, with {table} and {columns}; `prepare` makes what it reads, for the empty tables of these names."""
    migrate(connection)
    shown = _columns(connection, "main")
    comments = dict(connection.execute(TABLES).fetchall())
    columns = {table: found for table, found in _columns(connection, "raw").items() if table in comments}
    prepare(columns)
    for table, found in columns.items():
        select = view.format(table=table, columns=", ".join(f'"{name}"' for name, _ in found))
        connection.execute(f"DROP TABLE raw.{table}; CREATE VIEW raw.{table} AS {select}")
        _comment(connection, f"raw.{table}", comments[table], [*found, ("rowid", ROWID)])
    for name, found in shown.items():
        _hide_row_numbers(connection, name, found)


def _hide_row_numbers(connection: duckdb.DuckDBPyConnection, view: str, columns: "Columns") -> None:
    """Removes the column `rowid` from a view that selects all columns of a table in `raw`, so that the view has the
    same columns as in a store that is one file."""
    found = [name for name, *_ in connection.execute(f"DESCRIBE main.{view}").fetchall()]
    if found == [name for name, _ in columns]:
        return
    [(sql, comment)] = connection.execute(
        f"SELECT sql, comment FROM duckdb_views() WHERE schema_name = 'main' AND view_name = '{view}'"
    ).fetchall()
    select = sql.partition(" AS ")[2].rstrip("; \n")
    names = ", ".join(f'"{name}"' for name, _ in columns)
    connection.execute(f"CREATE OR REPLACE VIEW main.{view} AS SELECT {names} FROM ({select})")
    _comment(connection, f"main.{view}", comment, columns)


def _comment(connection: duckdb.DuckDBPyConnection, view: str, comment: str | None, columns: "Columns") -> None:
    connection.execute(f"COMMENT ON VIEW {view} IS {literal(comment)}")
    for name, text in columns:
        connection.execute(f'COMMENT ON COLUMN {view}."{name}" IS {literal(text)}')


def _columns(connection: duckdb.DuckDBPyConnection, schema: str) -> "dict[str, Columns]":
    """Returns, for each table and view of a schema, its columns in order, as pairs (name, comment)."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    for table, column, comment in connection.execute(COMMENTS.format(schema=schema)).fetchall():
        found.setdefault(table, []).append((column, comment))
    return {table: columns for table, columns in found.items() if table != "migrations"}


Columns = Sequence[tuple[str, str | None]]
"""Pairs (name, comment) of columns."""

VIEW = """
SELECT {columns}, (file_index::BIGINT << 32) | file_row_number AS rowid
FROM read_parquet(getvariable('files_{table}'), union_by_name = getvariable('mixed'))"""
ROWID = "The place of the row: it grows in the order of publication"
TABLES = "SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name <> 'migrations'"
COMMENTS = """
SELECT table_name, column_name, comment FROM duckdb_columns() WHERE schema_name = '{schema}' AND NOT internal
ORDER BY table_name, column_index"""
COLUMNS = f"""
SELECT c.table_name, c.column_name, c.data_type FROM duckdb_columns() c
JOIN duckdb_columns() r ON r.schema_name = 'raw' AND r.table_name = c.table_name AND r.comment = {literal(ROWID)}
WHERE c.schema_name = 'raw' AND c.column_name <> 'rowid' ORDER BY c.table_name, c.column_index"""
SCHEMA = NEWEST
"""The schema of the template's tables."""
