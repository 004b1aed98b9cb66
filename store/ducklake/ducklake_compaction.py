"""Merges small files of a DuckLake into large ones, while others read and write, and removes what nobody needs.

A merged file has the rows of its parts with their numbers of snapshots, so that older snapshots can still be read. The
parts are removed a day after the merge: a reader that takes longer than that would miss them.
"""

from collections.abc import Iterable
from datetime import timedelta

import duckdb

from redraft.store.ducklake.address import Address
from redraft.store.ducklake.catalog import LAKE, attach, connect, metadata

MEDIUM = 32 * 2**20
LARGE = 256 * 2**20
"""Bytes of a file that is large enough."""
READING = timedelta(days=1)
"""How long files stay that are merged, or that were written and not registered."""
SNAPSHOTS = timedelta(days=7)
"""How long snapshots stay."""


def compact(
    address: Address,
    tables: Iterable[str],
    *,
    large: int = LARGE,
    reading: timedelta = READING,
    snapshots: timedelta = SNAPSHOTS,
) -> tuple[int, int]:
    """Merges the files that have less than `large` bytes, drops snapshots older than `snapshots`, and removes files
    that are no part of the store since `reading`. Returns how many files there were, and how many there are. Raises
    StoreError and duckdb.Error."""
    with connect({"threads": 1}) as connection:
        attach(connection, address)
        before = count_files(connection, address)
        merge(connection, tables, large)
        _count(connection, f"ducklake_expire_snapshots('{LAKE}', older_than => {_ago(snapshots)})")
        _count(connection, f"ducklake_cleanup_old_files('{LAKE}', older_than => {_ago(reading)})")
        _count(connection, f"ducklake_delete_orphaned_files('{LAKE}', older_than => {_ago(reading)})")
        return before, count_files(connection, address)


def merge(connection: duckdb.DuckDBPyConnection, tables: Iterable[str], large: int) -> None:
    """Merges the files of each table that have less than `large` bytes. If others commit meanwhile, DuckLake tries
    again."""
    connection.execute("SET ducklake_max_retry_count = 100")
    for table in tables:
        files = f"'{LAKE}', '{table}', schema => 'raw', max_file_size => {large}"
        _count(connection, f"ducklake_merge_adjacent_files({files})")


def count_files(connection: duckdb.DuckDBPyConnection, address: Address) -> int:
    """Returns the number of files that the present snapshot has."""
    return _count(connection, f"{metadata(address, 'data_file')} WHERE end_snapshot IS NULL")


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    """Returns the number of rows; those with times would need a package in Python."""
    [(count,)] = connection.execute(f"SELECT count(*) FROM {rows}").fetchall()
    return count


def _ago(time: timedelta) -> str:
    return f"now() - to_microseconds({time // timedelta(microseconds=1)})"
