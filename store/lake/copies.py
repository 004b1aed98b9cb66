"""Copies a store to a store of another kind. The copy appears under its name only when it is complete. A killed or
failed copy does not change the target, and the same command then starts again."""

import os
from pathlib import Path

import duckdb

from redraft.store.ducklake.address import is_ducklake
from redraft.store.errors import StoreError
from redraft.store.exports.export_file import working_folder
from redraft.store.lake.folder import is_folder, open_folder, sync
from redraft.store.lake.log import Entry, Log
from redraft.store.lake.segments import NewSegment
from redraft.store.lake.template import template
from redraft.store.tables.database.connection import ROW_GROUP_SIZE, store_error
from redraft.store.tables.database.database import Database
from redraft.store.tables.schema.template_cache import write_empty_store
from redraft.store.tables.sql import literal

ROWS = "rows"
"""The name of the copy in the temporary folder, before it is moved to the target."""


def copy_store(source: Database, target: str) -> dict[str, int]:
    """Copies the present content of `source` to a new store at `target`, and returns the number of rows of each table
    in `raw`. Journals are not copied. Raises StoreError, also if `target` exists."""
    if is_ducklake(target):
        return _to_ducklake(source, target)
    path = Path(target.rstrip("/" + os.sep) or target)
    _check(path)
    try:
        with (
            source.hold(read_only=True),
            source.open(read_only=True) as connection,
            working_folder(path) as place,
        ):
            copied = (_to_folder if is_folder(target) else _to_file)(connection, place / ROWS, source.ordered)
            if path.is_dir():
                path.rmdir()
            if (place / ROWS).is_dir():
                (place / ROWS).rename(path)
            else:
                os.link(place / ROWS, path)
            sync(path.absolute().parent)
            return copied
    except FileExistsError:
        raise StoreError(f"{path} has come into being meanwhile: name another") from None
    except OSError as error:
        raise store_error(str(path), error) from error


def _check(path: Path) -> None:
    if path.is_dir():
        if any(path.iterdir()):
            raise StoreError(f"{path} is a folder that is not empty: name another")
    elif path.exists():
        raise StoreError(f"{path} exists: name another")
    elif not path.absolute().parent.is_dir():
        raise StoreError(f"{path}: there is no folder {str(path.parent)!r}: make it, or name another")


def _to_folder(connection: duckdb.DuckDBPyConnection, new: Path, ordered: bool) -> dict[str, int]:
    folder, _ = open_folder(str(new), create=True)
    segment = NewSegment(folder)
    for table in template().tables:
        segment.copy(connection, table, _select(table, ordered))
    log = Log(folder)
    written = segment.finish()
    if written is None:
        return {}
    log.put(Entry(add=(written,)), log.read())
    return dict(written.rows)


def _to_file(connection: duckdb.DuckDBPyConnection, new: Path, ordered: bool) -> dict[str, int]:
    write_empty_store(new)
    connection.execute(ATTACH.format(path=literal(str(new)), rows=ROW_GROUP_SIZE))
    rows = insert_all(connection, TARGET, ordered)
    connection.execute(f"DETACH {TARGET}")
    sync(new)
    return rows


def insert_all(connection: duckdb.DuckDBPyConnection, target: str, ordered: bool) -> dict[str, int]:
    """Inserts the rows of all tables in `raw` into the tables of the attached database `target`, in one transaction.
    Returns the number of rows by table."""
    connection.execute("BEGIN")
    rows: dict[str, int] = {}
    for table in template().tables:
        sql = f"INSERT INTO {target}.raw.{table} {_select(table, ordered)}"
        [(rows[table],)] = connection.execute(sql).fetchall()
    connection.execute("COMMIT")
    return {table: count for table, count in rows.items() if count}


def _to_ducklake(source: Database, target: str) -> dict[str, int]:
    """Copies to a DuckLake that is new or has no rows, in one transaction of the DuckLake."""
    from redraft.store.ducklake.ducklake_database import DuckLakeDatabase  # other copies do not need it

    database = DuckLakeDatabase(target, create=True, waiting=source.say)
    try:
        with source.hold(read_only=True), source.open(read_only=True) as connection:
            return database.fill(connection, {table: _select(table, source.ordered) for table in template().tables})
    finally:
        database.close()


def _select(table: str, ordered: bool) -> str:
    """Returns the SELECT of all rows of a table, in the order of their publication."""
    names = ", ".join(f'"{name}"' for name in template().tables[table])
    return f"SELECT {names} FROM raw.{table}{'' if ordered else ' ORDER BY rowid'}"


TARGET = "redraft_copy"
ATTACH = f"""
    SET zstd_min_string_length = 16; SET disabled_compression_methods = 'fsst,dict_fsst';
    ATTACH {{path}} AS {TARGET} (READ_WRITE, ROW_GROUP_SIZE {{rows}})"""
