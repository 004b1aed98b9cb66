"""Makes a DuckLake for redraft, and brings an older one to the newest schema. DuckLake has the tables in `raw`, without
keys; views, macros and comments are in the template through which it is read."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from redraft.store.ducklake.address import Address
from redraft.store.ducklake.catalog import LAKE, attach, connect, is_missing, lake_error, metadata
from redraft.store.ducklake.ducklake_template import ducklake_template
from redraft.store.errors import StoreError
from redraft.store.tables.schema.migrations import NEWEST, SCHEMA
from redraft.store.tables.sql import literal

TRIES = 5
"""How often a DuckLake is made anew if that fails, since several processes may make it at once."""


def prepare(path: str, address: Address, *, create: bool) -> Path:
    """Returns the folder of the files of a DuckLake. It is made if it doesn't exist and `create` is true, and it gets
    the newest schema. Raises StoreError, also if it is none of redraft's, or if a newer redraft made it."""
    try:
        found = _version(path, address)
        if found is None and not create:
            raise StoreError(
                f"no store in {path}: run `redraft generate` or `redraft import` first, or name one with --db"
            )
        if found is None or found < NEWEST:
            _bring_up(path, address)
        with connect() as connection:
            attach(connection, address, read_only=True)
            sql = f"SELECT value FROM {metadata(address, 'metadata')} WHERE key = 'data_path'"
            [(data_path,)] = connection.execute(sql).fetchall()
    except (duckdb.Error, OSError) as error:
        raise lake_error(path, error) from error
    if not Path(data_path).is_dir():
        raise StoreError(f"{path}: there is no folder {data_path}, where its files are: mount it here")
    return Path(data_path)


def _version(path: str, address: Address) -> int | None:
    """Returns the number of the schema; 0 if there are no tables, and None if there is no DuckLake."""
    with connect() as connection:
        try:
            attach(connection, address, read_only=True)
        except duckdb.Error as error:
            if is_missing(error):
                return None
            raise
        tables = _columns(connection)
        if "migrations" not in tables:
            if connection.execute(f"FROM duckdb_tables() WHERE database_name = '{LAKE}'").fetchone():
                raise StoreError(f"{path}: it is a DuckLake, but not one of redraft's: name another metadata_schema")
            return 0
        [(number,)] = connection.execute(f"SELECT max(number) FROM {LAKE}.raw.migrations").fetchall()
    check_schema(path, number)
    return number


def check_schema(path: str, number: int) -> None:
    """Raises StoreError if a newer redraft made a schema of this number."""
    if number > NEWEST:
        raise StoreError(
            f"{path}: it was written by a newer redraft (schema {number}; this one knows {NEWEST}): upgrade redraft,"
            " or name another with --db"
        )


def _bring_up(path: str, address: Address) -> None:
    for last in (*[False] * (TRIES - 1), True):
        try:
            _make(path, address)
            return
        except duckdb.Error:
            with suppress(duckdb.Error):
                if _version(path, address) == NEWEST:  # another process was first
                    return
            if last:
                raise


def _make(path: str, address: Address) -> None:
    """Makes the DuckLake if it is missing, and the tables and columns that it lacks."""
    with connect({"threads": 1}) as connection:
        if address.data_path:
            _make_folder(path, address.data_path)
        try:
            attach(connection, address, create=bool(address.data_path))
        except duckdb.Error as error:
            if is_missing(error):
                raise StoreError(
                    f"no store in {path}: to make one, name the folder of its files too, as in data_path=/shared/runs"
                ) from None
            raise
        there = _columns(connection)
        connection.execute(f"BEGIN; CREATE SCHEMA IF NOT EXISTS {LAKE}.raw")
        for table, columns in {**ducklake_template().tables, "migrations": MIGRATIONS}.items():
            listed = {name: f'"{name}" {kind}' for name, kind in columns.items()}
            if table not in there:
                connection.execute(f"CREATE TABLE {LAKE}.raw.{table} ({', '.join(listed.values())})")
            for name in listed.keys() - there.get(table, listed.keys()):
                connection.execute(f"ALTER TABLE {LAKE}.raw.{table} ADD COLUMN {listed[name]}")
        now = datetime.now(UTC).replace(tzinfo=None)
        row = f"{NEWEST}, {literal(SCHEMA[NEWEST][0])}, TIMESTAMP {literal(str(now))}"
        connection.execute(f"INSERT INTO {LAKE}.raw.migrations VALUES ({row}); COMMIT")


def _make_folder(path: str, folder: Path) -> None:
    if not folder.parent.is_dir():
        raise StoreError(f"{path}: there is no folder {str(folder.parent)!r}: make it, or name another as data_path")
    folder.mkdir(exist_ok=True)


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table, column in connection.execute(COLUMNS).fetchall():
        found.setdefault(table, set()).add(column)
    return found


MIGRATIONS = {"number": "INTEGER", "name": "VARCHAR", "applied_at": "TIMESTAMP"}
COLUMNS = f"""
SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = '{LAKE}' AND schema_name = 'raw'"""
