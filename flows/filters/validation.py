"""Filters and formats of one's own, watched: one that returns something else than it has to, or breaks, is told so in
one line."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from redraft.agents.validation import is_shipped, part_label
from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.filter import Filter
from redraft.flows.formats.format import Format, Row
from redraft.store.errors import RedraftError, broken, wrong


def checked_filter(factory: Callable[..., Filter], values: Mapping[str, Any]) -> Filter:
    """The filter that a factory makes with these arguments. Raises PartError if it can't be called; the filter raises
    it if it breaks, or answers neither None nor a text."""
    part, made = _made("filter", factory, values)
    if is_shipped(made):
        return made
    if not callable(made):
        raise wrong(part, made, "the function itself must return `def look(candidate)`")

    def look(candidate: Candidate) -> str | None:
        why = _called(part, made, candidate)
        if why is not None and not isinstance(why, str):
            raise wrong(part, why, "it must return None to keep a draft, or a text that says why it is dropped")
        return why

    return look


def checked_format(factory: Callable[..., Format], values: Mapping[str, Any]) -> Format:
    """The format that a factory makes with these arguments. Raises PartError if it can't be called; the format raises
    it if it breaks, or makes something else than rows of JSON."""
    part, made = _made("format", factory, values)
    if is_shipped(made):
        return made
    if not callable(made):
        raise wrong(part, made, "the function itself must return `def row(candidate)`")

    def rows(candidate: Candidate) -> Iterator[Row]:
        found = _called(part, made, candidate)
        if isinstance(found, Mapping):
            yield _row(Row(found))
            return
        if isinstance(found, str) or not hasattr(found, "__iter__"):
            raise wrong(part, found, WANTED)
        each = iter(found)
        while (row := _called(part, next, each, None)) is not None:
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


def _made(noun: str, factory: Callable[..., Any], values: Mapping[str, Any]) -> tuple[str, Any]:
    """What a factory makes, and what people call it."""
    part = part_label(noun, factory)
    return part, factory(**values) if is_shipped(factory) else _called(part, partial(factory, **values))


def _called(part: str, function: Callable[..., Any], *given: Any) -> Any:
    """What a function returns. Raises PartError where it breaks."""
    try:
        return function(*given)
    except RedraftError:
        raise
    except Exception as error:
        raise broken(part, error) from error


WANTED = "it must return a row as a mapping, or a list of Row (redraft.flows.formats.format)"
