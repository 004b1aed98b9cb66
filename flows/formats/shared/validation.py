"""Validates formats that a user wrote: if such a format raises an exception or returns a wrong type, the export ends
with a message of one line."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from redraft.agents.validation import is_shipped
from redraft.flows.filters.sifting.candidates import Candidate
from redraft.flows.filters.sifting.validation import call_part, make_part
from redraft.flows.formats.format import Format, Row
from redraft.store.errors import wrong


def checked_format(factory: Callable[..., Format], values: Mapping[str, Any]) -> Format:
    """Returns the format that a factory makes with these arguments. Raises PartError if the result is not callable. The
    format itself raises PartError if it raises an exception, or if it returns anything but rows of JSON data."""
    part, made = make_part("format", factory, values)
    if is_shipped(made):
        return made
    if not callable(made):
        raise wrong(part, made, "the function itself must return `def row(candidate)`")
    return _CheckedFormat(part, made)


class _CheckedFormat:
    """A wrapper of a user's own format that checks its rows."""

    def __init__(self, part: str, made: Callable[[Candidate], Any]) -> None:
        self._part, self._made = part, made

    def __call__(self, candidate: Candidate) -> Iterator[Row]:
        return self._rows(call_part(self._part, self._made, candidate))

    def finish(self) -> Iterator[Row]:
        """Yields the last rows, if the format has the method `finish`."""
        finish = getattr(self._made, "finish", None)
        for row in self._rows(call_part(self._part, finish)) if finish else ():
            if row.candidate is None:
                raise wrong(
                    self._part, row, "each Row of finish() must name its candidate", "returned, among its rows,"
                )
            yield row

    def _rows(self, found: Any) -> Iterator[Row]:
        if isinstance(found, Mapping):
            yield self._row(Row(found))
            return
        if isinstance(found, str) or not hasattr(found, "__iter__"):
            raise wrong(self._part, found, WANTED)
        each = iter(found)
        while (row := call_part(self._part, next, each, None)) is not None:
            yield self._row(row)

    def _row(self, row: Any) -> Row:
        if not isinstance(row, Row) or not isinstance(row.data, Mapping | None):
            raise wrong(self._part, row, WANTED, "returned, among its rows,")
        try:
            json.dumps(row.data)
        except (TypeError, ValueError) as error:
            raise wrong(self._part, row.data, f"a row must be JSON data ({error})") from error
        return row


WANTED = "it must return a row as a mapping, or a list of Row (redraft.flows.formats.format)"
