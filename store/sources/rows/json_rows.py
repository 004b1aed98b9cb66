"""Reads rows from JSON files: JSON lines, an array, or one object that holds all rows."""

import gzip
import json
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast

from redraft.store.errors import SourceError
from redraft.store.sources.fields import Place, Row, check_characters, may_hold_half, parsed

LONGEST = 2**20  # bytes of one line
PART = 2**16  # compressed bytes that are read at a time


def opened(path: Path) -> BufferedReader:
    """Opens a file and returns its bytes as a stream. A file with the extension .gz or .zst is decompressed while it is
    read, so it can only be read once from its beginning to its end."""
    packed = path.suffix.lower()
    if packed == ".zst":
        return BufferedReader(_Unpacked(path))
    return cast(BufferedReader, gzip.open(path, "rb")) if packed == ".gz" else path.open("rb")


class _Unpacked(RawIOBase):
    """A stream that decompresses one or more Zstandard frames. Raises EOFError if the file ends within a frame; the
    library's own reader would accept such a file as complete."""

    def __init__(self, path: Path) -> None:
        from zstandard import ZstdDecompressor  # few files need it

        self._file = path.open("rb")
        self._unpack = ZstdDecompressor()
        self._frame: Any = None  # the frame that is being read
        self._packed = self._bytes = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._bytes:
            self._packed = self._packed or self._file.read(PART)
            if not self._packed:
                if self._frame is not None:
                    raise EOFError("it ends in the middle")
                return 0
            self._frame = self._frame or self._unpack.decompressobj()
            self._bytes = self._frame.decompress(self._packed)
            self._packed = self._frame.unused_data if self._frame.eof else b""
            self._frame = None if self._frame.eof else self._frame
        part, self._bytes = self._bytes[: len(buffer)], self._bytes[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        self._file.close()
        super().close()


def _whole(path: Path) -> bytes:
    with opened(path) as file:
        return file.read()


def json_file(path: Path) -> Iterator[Place]:
    """Returns the rows of a file that is an array of rows, one object that holds all rows, or JSON lines, as pairs
    (position, row)."""
    with opened(path) as file:
        start = file.peek(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        line = file.readline(LONGEST + 1)
        alone = not file.read(LONGEST).strip()
    if start == b"[":
        return _array(path)
    first = json_row(line.removeprefix(b"\xef\xbb\xbf").strip())
    whole = _members(first) if alone and not isinstance(first, SourceError) else None
    if isinstance(first, SourceError) and line.strip():
        with suppress(ValueError, RecursionError):  # on an error the file is read as JSON lines
            text = _whole(path).decode("utf-8-sig")
            whole = _members(json.loads(text), check=may_hold_half(text))
    return json_lines(path) if whole is None else iter(whole)


def _members(value: Any, *, check: bool = False) -> list[Place] | None:
    """Returns the rows of one object: its values with their keys as ids, as in TabMWP; or the only list of rows in it,
    as in {"data": [...]}; or the object itself, if it is a row that spans several lines. Returns None for any other
    value. `check` says whether to check the rows for lone surrogates."""
    if not isinstance(value, dict):
        return None
    if value and all(isinstance(one, dict) for one in value.values()):
        return [(f"item {key!r}", _row({"id": key, **one}, check=check)) for key, one in value.items()]
    lists = [one for one in value.values() if isinstance(one, list) and one and isinstance(one[0], dict)]
    if len(lists) == 1 and len(value) <= FEW:
        return [(f"item {number}", _row(one, check=check)) for number, one in enumerate(lists[0], start=1)]
    return [("line 1", _row(value, check=check))]


FEW = 3
"""The largest number of members of an object that wraps a list of rows; another member may be a version."""


def json_lines(path: Path) -> Iterator[Place]:
    with opened(path) as file:
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
                yield f"line {number}", json_row(text)


def _skip(file: BinaryIO) -> int:
    """Skips the rest of a line, and returns the number of skipped bytes."""
    size = 0
    while part := file.readline(LONGEST):
        size += len(part)
        if part.endswith(b"\n"):
            break
    return size


def json_row(text: bytes) -> Row | SourceError:
    """Returns the row that a JSON text is, or a SourceError that says what is wrong with the text."""
    try:
        return _row(parsed(text.decode("utf-8")))
    except UnicodeDecodeError as error:
        return SourceError(f"byte {error.start + 1} is not UTF-8: save the file as UTF-8")
    except SourceError as error:
        return error
    except (ValueError, RecursionError) as error:
        return SourceError(f"broken JSON ({_why(error)})")


def _row(value: Any, *, check: bool = False) -> Row | SourceError:
    """Returns a value as a row, or a SourceError if it is not an object. `check` says whether to check it for lone
    surrogates."""
    if not isinstance(value, dict):
        return SourceError('not a JSON object: it has to be {"column": value, ...}')
    try:
        if check:
            check_characters(value)
    except SourceError as error:
        return error
    return value


def _why(error: Exception) -> str:
    """Returns in words why a text is not JSON."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else "a number has thousands of digits"


def _array(path: Path) -> Iterator[Place]:
    try:
        text = _whole(path).decode("utf-8-sig")
        items = json.loads(text)
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}, byte {error.start + 1}: not UTF-8: save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise SourceError(f"{path}, line {error.lineno}: broken JSON ({error.msg}): mend the array there") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}: broken JSON ({_why(error)}): it has to be an array of objects") from error
    check = may_hold_half(text)
    for number, item in enumerate(items, start=1):
        yield f"item {number}", _row(item, check=check)
