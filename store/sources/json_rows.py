"""Reads rows from files of JSON: lines, an array, or one object with all rows."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from redraft.store.errors import SourceError
from redraft.store.sources.fields import Place, Row

LONGEST = 2**20  # bytes of one line


def json_file(path: Path) -> Iterator[Place]:
    """Reads a file that is an array of rows, one object with all rows, or JSON lines."""
    with path.open("rb") as file:
        start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        file.seek(0)
        line = file.readline(LONGEST + 1)
        alone = not file.read(LONGEST).strip()
    if start == b"[":
        return _array(path)
    first = _object(line.removeprefix(b"\xef\xbb\xbf").strip())
    whole = _members(first) if alone and not isinstance(first, SourceError) else None
    if isinstance(first, SourceError) and line.strip():
        with suppress(ValueError, RecursionError):  # otherwise its lines are read, and the first tells what is broken
            whole = _members(json.loads(path.read_bytes().decode("utf-8-sig")))
    return json_lines(path) if whole is None else iter(whole)


def _members(value: Any) -> list[Place] | None:
    """Returns the rows of one object: its values by their keys, as in TabMWP; or the one list of rows in it, as in
    {"data": [...]}; or the object itself if it is a row over several lines. Returns None for any other value."""
    if not isinstance(value, dict):
        return None
    if value and all(isinstance(one, dict) for one in value.values()):
        return [(f"item {key!r}", {"id": key, **one}) for key, one in value.items()]
    lists = [one for one in value.values() if isinstance(one, list) and one and isinstance(one[0], dict)]
    if len(lists) == 1 and len(value) <= FEW:
        return [(f"item {number}", _row(one)) for number, one in enumerate(lists[0], start=1)]
    return [("line 1", value)]


FEW = 3
"""The most members of an object that wraps a list of rows, such as a version beside the list."""


def json_lines(path: Path) -> Iterator[Place]:
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
    return value if isinstance(value, dict) else SourceError('not a JSON object: it has to be {"column": value, ...}')


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
