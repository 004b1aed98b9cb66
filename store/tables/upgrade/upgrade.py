"""Upgrades a store of schema 11 or older to the newest schema. Their tables differ, so the rows are copied to a new
file beside the store, which replaces the store at the end. Until then the store is not changed."""

import os
from collections.abc import Callable
from pathlib import Path

import duckdb

from redraft.store.errors import StoreError
from redraft.store.tables.database.connection import ROW_GROUP_SIZE, store_error
from redraft.store.tables.schema.migrations import NEWEST
from redraft.store.tables.schema.template_cache import write_empty_store
from redraft.store.tables.sql import literal
from redraft.store.tables.upgrade.copies import copies, is_stale

LARGE = 100_000_000  # bytes; the copy of a larger store takes so long that a message announces it
BYTES_A_SECOND = 3_500_000  # copied bytes of the store per second, on one processor


def upgrade(connection: duckdb.DuckDBPyConnection, path: str, say: Callable[[str], None]) -> None:
    """Replaces the store at `path` by a copy with the newest schema. `connection` must be the only connection to the
    store, and can't be used afterwards. A killed upgrade can be continued, because each part is a transaction that
    records its progress. If the disk is full, the store is not changed. Raises StoreError."""
    store, new = Path(path), Path(path).with_name(f".{Path(path).name}.schema{NEWEST}.new")
    size = store.stat().st_size
    if size > LARGE:
        say(f"copies {path} into the tables of this redraft, once: about {size // BYTES_A_SECOND} s")
    try:
        [(own,)] = connection.execute("SELECT current_database()").fetchall()
        before = '"' + own.replace('"', '""') + '"'
        _attach(connection, new)
        if is_stale(connection, before):
            _detach(connection, before)
            new.unlink()
            _attach(connection, new)
        for copy in copies(connection, before):
            copy()
        _detach(connection, before)
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(store)
    except (duckdb.Error, OSError) as error:
        raise _upgrade_error(path, new, error) from error


def _attach(connection: duckdb.DuckDBPyConnection, new: Path) -> None:
    if not new.exists():
        begun = new.with_suffix(".begun")  # if the process is killed meanwhile, this file is incomplete
        begun.unlink(missing_ok=True)
        write_empty_store(begun)
        begun.replace(new)
    connection.execute(f"ATTACH {literal(str(new))} AS redraft_after (ROW_GROUP_SIZE {ROW_GROUP_SIZE})")
    connection.execute("USE redraft_after")


def _detach(connection: duckdb.DuckDBPyConnection, before: str) -> None:
    connection.execute(f"USE {before}; DETACH redraft_after")


def _upgrade_error(path: str, new: Path, error: Exception) -> StoreError:
    cause = str(store_error(path, error)).removeprefix(f"{path}: ")
    return StoreError(
        f"{path} can't be brought to the tables of this redraft ({cause}). The store is as it was; the copy {new} goes"
        " on with the next command"
    )
