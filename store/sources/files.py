"""Reads rows from files of JSON lines, JSON arrays, CSV and Parquet, with the place of each row in its file."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from redraft.store.errors import SourceError, alternatives
from redraft.store.tables.sql import literal

LONGEST = 2**20  # bytes of one line

Row = Mapping[str, Any]
Place = tuple[str, Row | SourceError]
"""A pair: the place of a row in its file, such as "line 7", and the row; if the row has an error, the error."""


def rows(path: Path) -> Iterator[Place]:
    """Yields the rows of a file in order. Raises SourceError if the file as a whole can't be read."""
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


def _json(path: Path) -> Iterator[Place]:
    with path.open("rb") as file:
        start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return _array(path) if start == b"[" else lines(path)


def lines(path: Path) -> Iterator[Place]:
    """Yields the rows of a file of JSON lines, of any name."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST + 1):
            number += 1
            if len(line) > LONGEST:
                size = len(line) + (0 if line.endswith(b"\n") else _skip(file))
                yield (
                    f"line {number}",
                    SourceError(f"{size / 2**20:.1f} MB long, at most {LONGEST // 2**20} MB are read"),
                )
            elif text := line.removeprefix(b"\xef\xbb\xbf").strip():
                yield f"line {number}", _object(text)


def _skip(file: BinaryIO) -> int:
    """Skips the rest of a line, and returns the number of skipped bytes."""
    size = 0
    while part := file.readline(LONGEST):
        size += len(part)
        if part.endswith(b"\n"):
            break
    return size


def _object(text: bytes) -> Row | SourceError:
    try:
        return _row(json.loads(text.decode("utf-8")))
    except UnicodeDecodeError as error:
        return SourceError(f"byte {error.start + 1} is not UTF-8: save the file as UTF-8")
    except (ValueError, RecursionError) as error:
        return SourceError(f"broken JSON ({error})")


def _row(value: Any) -> Row | SourceError:
    return value if isinstance(value, dict) else SourceError('not a JSON object: it has to be {"question": ...}')


def _array(path: Path) -> Iterator[Place]:
    try:
        items = json.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}, byte {error.start + 1}: not UTF-8: save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise SourceError(f"{path}, line {error.lineno}: broken JSON ({error.msg}): mend the array there") from error
    except ValueError as error:  # Python refuses to read a number that has thousands of digits
        raise SourceError(f"{path}: broken JSON ({error}): it has to be an array of objects") from error
    except RecursionError as error:
        raise SourceError(f"{path}: broken JSON (nested too deeply): it has to be an array of objects") from error
    for number, item in enumerate(items, start=1):
        yield f"item {number}", _row(item)


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
            found = connection.execute(f"FROM read_parquet({literal(str(path))})")
            names = [name for name, *_ in found.description or []]
            number = 0
            while part := found.fetchmany(1000):
                for values in part:
                    number += 1
                    yield f"row {number}", dict(zip(names, values, strict=True))
    except duckdb.Error as error:
        raise SourceError(f"{path}: not a Parquet file ({' '.join(str(error).split())})") from error


READERS = {".jsonl": lines, ".ndjson": lines, ".json": _json, ".csv": _csv, ".parquet": _parquet}
