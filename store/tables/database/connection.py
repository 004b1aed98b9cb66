"""Opens DuckDB connections to a store's file, and converts DuckDB's errors to messages that name a cure."""

import os
from contextlib import suppress
from pathlib import Path

import duckdb

from redraft.store.errors import StoreError
from redraft.store.tables.database.temporary import temporary_folder
from redraft.store.tables.schema.template_cache import STORAGE
from redraft.store.tables.sql import hide_progress, literal


def connect(path: str, name: str, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Returns a connection named `name`. A connection for writing detaches the file and attaches it again, because only
    ATTACH can set the size of row groups.

    Row groups have a quarter of DuckDB's default size. This saves memory, because every batch rewrites a table's last
    row group. Smaller groups would make each batch slower, because it writes the list of all groups. DuckDB gets an
    absolute path, because it would take a name such as "md:notes" for the address of a service.
    """
    path = path if path == ":memory:" else os.path.abspath(path)
    if read_only:
        place = temporary_folder(path, name)
        connection = duckdb.connect(path, read_only=True, config={"custom_user_agent": name, "temp_directory": place})
        hide_progress(connection)
        return connection
    connection = duckdb.connect(path, config={"custom_user_agent": name, **WRITING})
    try:
        hide_progress(connection)
        own, stored = connection.execute(ATTACHED).fetchone() or ("", "")
        version = STORAGE_OPTION if stored == OLD else ""
        statements = REATTACH.format(
            own=_quote(own), other=_quote(name), path=literal(path), rows=ROW_GROUP_SIZE, version=version
        )
        connection.execute(statements)
    except duckdb.Error:
        connection.close()
        raise
    return connection


def file_identity(path: str) -> tuple[int, int] | None:
    """Returns the pair (device, inode) of the file at `path`, which changes if another file replaces it; None if the
    file is missing."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def store_error(path: str, error: Exception) -> StoreError:
    """Returns a StoreError for an error of DuckDB or of the operating system. Its message is one line, with a cure if
    redraft knows one."""
    text = " ".join(str(error).split())
    for sign, cure in CURES.items():
        if sign in text:
            return StoreError(f"{path}: {cure}{_journals(path) if sign in FULL else ''}")
    return StoreError(f"{path}: {text}")


def _journals(path: str) -> str:
    """Returns a remark on the disk space that the store's journals use; "" if they use little."""
    with suppress(OSError):
        size = sum(file.stat().st_size for file in Path(f"{path}.journal").iterdir())
        if size > MENTIONED:
            return f" (its journal {path}.journal has {size / 2**20:.1f} MB, which a run lets go when it is stored)"
    return ""


FULL = ("No space left", "File too large")
MENTIONED = 2**16  # bytes


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


WRITING: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "enable_external_file_cache": False,  # all rows are read from one file name, so a cache would return wrong rows
    # A commit is written directly to the file, without a WAL that DuckDB would write, read and merge.
    "checkpoint_threshold": "0KB",
    "auto_checkpoint_skip_wal_threshold": 0,
    # Zstandard needs half the space of FSST (which is switched off below), and less than half the time.
    "zstd_min_string_length": 16,  # bytes on average: the length of ids
}
ROW_GROUP_SIZE = 32_768
OLD = "v1.0.0+"  # DuckDB 1.1 and earlier can't compress by Zstandard
STORAGE_OPTION = f", STORAGE_VERSION '{STORAGE}'"
ATTACHED = """
    SELECT database_name, tags['storage_version'] FROM duckdb_databases() WHERE database_name = current_database()"""
REATTACH = """
    ATTACH ':memory:' AS {other}; USE {other}; DETACH {own};
    ATTACH {path} AS {own} (ROW_GROUP_SIZE {rows}{version}); USE {own}; DETACH {other};
    SET disabled_compression_methods = 'fsst,dict_fsst'"""
CURES = {
    "newer version of DuckDB": "a newer DuckDB than redraft's wrote it: in that DuckDB, attach a new"
    f" file with (STORAGE_VERSION '{STORAGE}'), and copy it there by COPY FROM DATABASE",
    "not a valid DuckDB database": "it is not a DuckDB database: name another file with --db",
    "Cannot launch in-memory database": "it is not a DuckDB database: name another file with --db",
    "Is a directory": "it is a folder: name a file with --db",
    "No space left": "the disk is full: free some space and run the same command again; what was written is safe",
    "File too large": "the file may not grow further: free some space and run the same command again; what was written"
    " is safe",
    "Permission denied": "it can't be written here: give yourself the right to write it, or name another with --db",
    "Read-only file system": "the file system is read-only: name a file elsewhere with --db",
}
