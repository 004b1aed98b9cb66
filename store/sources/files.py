"""Reads rows from files of JSON, CSV and Parquet, with the place of each row in its file."""

import csv
from collections.abc import Iterator
from pathlib import Path

from redraft.store.errors import SourceError, alternatives
from redraft.store.sources.fields import Place, Row, decoded
from redraft.store.sources.hub import PREFIX, hub_rows
from redraft.store.sources.json_rows import json_file, json_lines
from redraft.store.tables.sql import literal


def rows(source: str | Path) -> Iterator[Place]:
    """Yields the rows of a file, or of a data set of the Hugging Face Hub (hub.py), in order. Raises SourceError if the
    source as a whole can't be read."""
    if str(source).startswith(PREFIX):
        return hub_rows(str(source))
    path = Path(source).expanduser()
    reader = READERS.get(path.suffix.lower())
    if not path.exists():
        raise SourceError(f"no file {path}: check the name, or use the built-in problems with 'builtin'")
    if path.is_dir():
        raise SourceError(f"{path} is a folder: name a file in it")
    if reader is None:
        kind = repr(path.suffix) if path.suffix else "a file without an ending"
        raise SourceError(f"{path}: no reader for {kind}; {alternatives(path.suffix, READERS)}")
    if path.stat().st_size == 0:
        raise SourceError(f"{path} is empty: it needs one problem a line")
    return reader(path)


def _csv(path: Path) -> Iterator[Place]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        header: list[str] = []
        while True:
            line = f"line {reader.line_num + 1}"
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, SourceError(f"broken CSV ({error})")
                continue
            if not header:
                header = cells
            elif cells:
                yield line, _cells(header, cells)


def _cells(header: list[str], cells: list[str]) -> Row | SourceError:
    if len(cells) != len(header):
        return SourceError(f"{len(cells)} cells where the header has {len(header)}: quote cells that hold a comma")
    if any("\udc80" <= character <= "\udcff" for cell in cells for character in cell):
        return SourceError("not UTF-8: save the file as UTF-8")
    return dict(zip(header, cells, strict=True))


def _parquet(path: Path) -> Iterator[Place]:
    import duckdb

    try:
        with duckdb.connect() as connection:
            connection.execute("SET enable_progress_bar = false")  # a notebook would show it beside redraft's own
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
        raise SourceError(f"{path}: not a Parquet file ({' '.join(str(error).split())})") from error


READERS = {".jsonl": json_lines, ".ndjson": json_lines, ".json": json_file, ".csv": _csv, ".parquet": _parquet}
