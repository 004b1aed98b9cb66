"""Reads the fields of a row. If a field is missing or has another type, the error names the field."""

from collections.abc import Mapping
from typing import Any, TypeVar

from redraft.store.errors import SourceError

T = TypeVar("T")

WORDS = {str: "a text", list: "a list", Mapping: "an object", bool: "true or false", int: "a whole number"}


def needed(row: Any, name: str, kind: type[T], at: str = "") -> T:
    """Returns the field with this name and type. `at` is the position of `row` in the whole row, such as "label.".
    Raises SourceError if the field is missing, is null, or has another type."""
    found = optional(row, name, kind, at)
    if found is None:
        there = ", ".join(map(str, row)) or "none"
        raise SourceError(f"no field {at + name!r} among {there}, which has to be {WORDS[kind]}")
    return found


def optional(row: Any, name: str, kind: type[T], at: str = "") -> T | None:
    """Returns the field with this name, or None if it is missing or null. Raises SourceError if it has another type."""
    if not isinstance(row, Mapping):
        raise SourceError(f"{at.rstrip('.') or 'the row'} is {_told(row)}, and has to be an object")
    value = row.get(name)
    if value is None or (isinstance(value, kind) and not (kind is int and isinstance(value, bool))):
        return value
    raise SourceError(f"{at}{name} is {_told(value)}, and has to be {WORDS[kind]}")


def texts(row: Any, name: str, at: str = "") -> list[str]:
    """Returns a field that is a list of strings. Raises SourceError if it is not."""
    found: list[Any] = needed(row, name, list, at)
    for number, text in enumerate(found):
        place = f"{name}[{number}]"
        if optional({place: text}, place, str, at) is None:
            raise SourceError(f"{at}{place} is null, and has to be a text")
    return found


def shortened(value: Any) -> str:
    """Returns a value as text for a message, shortened if it is long."""
    return " ".join(repr(value).split())[:60]


def _told(value: Any) -> str:
    kinds = [words for kind, words in WORDS.items() if isinstance(value, kind)]
    return kinds[0] if kinds and not isinstance(value, str) else shortened(value)
