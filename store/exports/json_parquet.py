"""Converts a file of JSON lines to Parquet. The caller gives the type of each column, so DuckDB infers none."""

import os
from collections.abc import Mapping
from pathlib import Path

from redraft.store.errors import QueryError
from redraft.store.exports.export_file import FULL
from redraft.store.tables.sql import literal


def write_json_as_parquet(lines: Path, columns: Mapping[str, str], file: Path, longest: int) -> None:
    """Writes the JSON lines of the file `lines` to the Parquet file `file`, in order. `columns` maps the name of each
    column to its DuckDB type. `longest` is the size of the longest line in bytes. Equal lines give an identical file.
    Raises QueryError if DuckDB rejects a line, and OSError if the disk is full."""
    import duckdb

    types = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items())
    source = (
        f"read_json({literal(str(lines))}, format = 'newline_delimited', auto_detect = false, columns = {{{types}}},"
        f" compression = 'uncompressed', maximum_object_size = {max(SMALLEST_BUFFER, 2 * longest)})"
    )
    target = f"{literal(str(file))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_IN_GROUP})"
    try:
        # One thread: with several, the row groups would have other sizes in each run.
        with duckdb.connect(":memory:", config={"threads": 1}) as connection:
            connection.execute(f"COPY (FROM {source}) TO {target}")
    except duckdb.Error as error:
        for number in FULL:
            if os.strerror(number) in str(error):
                raise OSError(number, os.strerror(number)) from error
        raise QueryError(f"{file.name} can't be written: {' '.join(str(error).split())}") from error


SMALLEST_BUFFER = 1 << 24  # bytes; DuckDB's own default
ROWS_IN_GROUP = 30_720
