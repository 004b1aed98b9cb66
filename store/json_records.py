"""Converts records to JSON and back, for the journal and for the store."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
import orjson

from redraft.store.calls import Call


def call_to_json(call: Call) -> dict[str, Any]:
    """Returns a call as plain JSON data, without the fields that are None."""
    return {name: value for name in CALL_FIELDS if (value := getattr(call, name)) is not None}


CALL_FIELDS = Call.__struct_fields__


def call_from_json(data: Mapping[str, Any]) -> Call:
    """Returns the call from the JSON data of `call_to_json`. Raises TypeError if a field is missing or unknown, or has
    another type."""
    Call(**data)  # msgspec does not look for unknown fields
    try:
        return msgspec.convert(data, Call)
    except msgspec.ValidationError as error:
        raise TypeError(str(error)) from error


def exact(value: Any) -> str:
    """Returns JSON text that `json.loads` reads back exactly, including NaN, infinities and lone surrogates."""
    try:
        text = orjson.dumps(value, default=str)
    except TypeError:  # a lone surrogate, an integer of more than 64 bits
        text = b"null"
    if b"null" in text:  # orjson writes NaN so, too
        return json.dumps(value, separators=(",", ":"), default=str)
    return text.decode()


def strict(value: Any) -> str:
    """Returns JSON text that any reader accepts. NaN and infinities become null, lone surrogates become "?", and values
    that JSON does not know become texts."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, default=str)
    return text.encode("utf-8", "replace").decode()


def table_json(columns: Sequence[Sequence[Any]], types: Sequence[str]) -> Iterator[bytes]:
    """Yields the columns of a table as the pieces of one JSON object with the keys c0, c1 and so on. `types` are
    DuckDB's types. NaN and infinities stay as they are."""
    for number, (values, kind) in enumerate(zip(columns, types, strict=True)):
        yield b'%s"c%d":' % (b"," if number else b"{", number)
        yield _array(values, kind)
    yield b"}"


def texts(values: Sequence[str]) -> str:
    """Returns texts as a JSON array."""
    return _array(values, "VARCHAR").decode()


def _array(values: Sequence[Any], kind: str) -> bytes:
    if not kind.startswith("DOUBLE") or all(map(math.isfinite, _numbers(values, kind))):
        try:
            return orjson.dumps(values, default=str)  # ten times faster than json, but writes NaN as null
        except TypeError:  # a lone surrogate
            pass
    return json.dumps(values, ensure_ascii=False, default=str).encode("utf-8", "replace")


def _numbers(values: Sequence[Any], kind: str) -> Iterator[float]:
    """Yields the numbers of a column of numbers, or of lists of numbers, without None and 0."""
    lists = filter(None, values)
    return filter(None, chain.from_iterable(lists)) if kind.endswith("[]") else lists


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
