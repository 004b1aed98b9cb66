"""Checks of a user's own formats: a format that breaks or returns a wrong type ends the export with one line."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from redraft.agents.validation import is_shipped
from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.validation import call_part, make_part
from redraft.flows.formats.format import Format, Row
from redraft.store.errors import wrong


def checked_format(factory: Callable[..., Format], values: Mapping[str, Any]) -> Format:
    """Returns the format that a factory makes with these arguments. Raises PartError if the result can't be called. The
    format itself raises PartError if it breaks, or if it makes anything but rows of JSON data."""
    part, made = make_part("format", factory, values)
    if is_shipped(made):
        return made
    if not callable(made):
        raise wrong(part, made, "the function itself must return `def row(candidate)`")

    def rows(candidate: Candidate) -> Iterator[Row]:
        found = call_part(part, made, candidate)
        if isinstance(found, Mapping):
            yield _row(Row(found))
            return
        if isinstance(found, str) or not hasattr(found, "__iter__"):
            raise wrong(part, found, WANTED)
        each = iter(found)
        while (row := call_part(part, next, each, None)) is not None:
            yield _row(row)

    def _row(row: Any) -> Row:
        if not isinstance(row, Row) or not isinstance(row.data, Mapping | None):
            raise wrong(part, row, WANTED, "returned, among its rows,")
        try:
            json.dumps(row.data)
        except (TypeError, ValueError) as error:
            raise wrong(part, row.data, f"a row must be JSON data ({error})") from error
        return row

    return rows


WANTED = "it must return a row as a mapping, or a list of Row (redraft.flows.formats.format)"
