"""Reads rows from JSON, CSV and Parquet files and from logs of Inspect, with the position of each row in its file."""

import gzip
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from redraft.store.errors import SourceError
from redraft.store.sources.fields import Place, decoded
from redraft.store.sources.hub import PREFIX, hub_rows
from redraft.store.sources.rows.csv_rows import csv_rows
from redraft.store.sources.rows.inspect_log import inspect_log
from redraft.store.sources.rows.json_rows import json_file, json_lines
from redraft.store.tables.sql import hide_progress, literal


def rows(source: str | Path, *, cure: str = "check the name") -> Iterator[Place]:
    """Yields a pair (position, row) for each row of a file, or of a data set of the Hugging Face Hub (hub.py), in
    order. Raises SourceError if the source as a whole can't be read. `cure` says what to do if there is no such file.
    """
    if str(source).startswith(PREFIX):
        return hub_rows(str(source))
    if not str(source).strip():
        raise SourceError(f"the name of the file is empty: {cure}")
    path = Path(os.path.expanduser(source))  # Path.expanduser raises for an unknown user
    ending = unpacked(path).suffix.lower()
    packed = path.suffix.lower() in PACKED
    reader = None if packed and ending in WHOLE else READERS.get(ending)
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise SourceError(f"no file {path}: {cure}") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        why = error.strerror if isinstance(error, OSError) else "a zero byte in its name"
        raise SourceError(f"{path} can't be read ({why}): name another file") from error
    if stat.S_ISDIR(status.st_mode):
        raise SourceError(f"{path} is a folder: name a file in it")
    if not os.access(path, os.R_OK):
        raise SourceError(f"{path} can't be read: give yourself the right to read it")
    if reader is None:
        kind = repr(path.name[len(unpacked(path).stem) :]) if path.suffix else "a file without an extension"
        raise SourceError(
            f"{path}: no reader for {kind}; there are {', '.join(READERS)}, and all but {' and '.join(WHOLE)} with"
            f" {' or '.join(PACKED)} behind"
        )
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"{path} is no regular file: write its rows to a file, and name that")
    if status.st_size == 0:
        raise SourceError(f"{path} is empty: it needs one row a line")
    return _packed(path, reader) if packed else reader(path)


def _parquet(path: Path) -> Iterator[Place]:
    import duckdb

    try:
        with duckdb.connect() as connection:
            hide_progress(connection)
            found = connection.execute(f"FROM read_parquet({literal(str(path))})")
            names = [name for name, *_ in found.description or []]
            coded = [name for name, kind, *_ in found.description or [] if str(kind) == "JSON"]
            number = 0
            while part := found.fetchmany(1000):
                for values in part:
                    number += 1
                    row = dict(zip(names, values, strict=True))
                    yield f"row {number}", {**row, **{name: decoded(row[name]) for name in coded}} if coded else row
    except duckdb.Error as error:
        raise SourceError(
            f"{path} is no Parquet file, or a broken one: check the name, or write the file anew"
        ) from error


READERS = {
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_file,
    ".csv": csv_rows,
    ".tsv": csv_rows,
    ".parquet": _parquet,
    ".eval": inspect_log,
}

WHOLE = (".parquet", ".eval")
"""Extensions of files that are already compressed inside."""
PACKED = (".gz", ".zst")
"""Extensions of compressed text files. They follow the file's own extension: "problems.jsonl.gz"."""


def unpacked(path: Path) -> Path:
    """Returns the path without its last extension if that is one of PACKED."""
    return path.with_suffix("") if path.suffix.lower() in PACKED else path


def _packed(path: Path, reader: Callable[[Path], Iterator[Place]]) -> Iterator[Place]:
    """Yields the rows of a compressed file. Raises SourceError if it can't be decompressed."""
    from zstandard import ZstdError

    try:
        yield from reader(path)
    except (gzip.BadGzipFile, EOFError, zlib.error, ZstdError) as error:
        raise SourceError(f"{path} can't be unpacked ({error}): check the name, or pack the file anew") from error
