"""Reads rows from CSV files whose cells are separated by commas, semicolons or tabs."""

import csv
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import chain
from pathlib import Path

from redraft.store.errors import SourceError, plural
from redraft.store.sources.fields import SURROGATE, Place, Row
from redraft.store.sources.rows.json_rows import opened

NOT_UTF8 = SURROGATE
"""Matches the characters that Python decodes bytes to that are not UTF-8."""

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}


def csv_rows(path: Path) -> Iterator[Place]:
    """Yields a pair (position, row) for each row of a file. The first line has the column names, and shows which
    separator the file uses. Raises SourceError if two columns have the same name."""
    with opened(path) as raw, TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        begun: list[str] = []
        while not "".join(begun).strip() and (line := file.readline()):
            begun.append(line)
        separator = _separator(begun[-1] if begun else "")
        reader = csv.reader(chain(begun, file), strict=True, delimiter=separator)
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
                _check(header, f"{path}, {line}")
            elif cells:
                yield line, _cells(header, cells, separator)


def _separator(line: str) -> str:
    """Returns the separator that splits a line into the most cells; a comma if several do."""
    try:
        return max(SEPARATORS, key=lambda one: len(next(csv.reader([line], delimiter=one), [])))
    except csv.Error:  # the line is reported as broken when it is read
        return ","


def _check(header: list[str], place: str) -> None:
    """Raises SourceError if a header is not UTF-8 or has a name twice."""
    if NOT_UTF8.search("".join(header)):
        raise SourceError(f"{place}: not UTF-8: save the file as UTF-8")
    twice = next((name for name in header if name.strip() and header.count(name) > 1), None)
    if twice is not None:
        raise SourceError(f"{place}: {header.count(twice)} columns are named {twice!r}: give each a name of its own")


def _cells(header: list[str], cells: list[str], separator: str) -> Row | SourceError:
    if len(cells) != len(header):
        return SourceError(
            f"{plural(len(cells), 'cell')} where the header has {len(header)}: quote cells that hold"
            f" {SEPARATORS[separator]}"
        )
    if NOT_UTF8.search("".join(cells)):
        return SourceError("not UTF-8: save the file as UTF-8")
    return dict(zip(header, cells, strict=True))
