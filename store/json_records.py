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
    """Returns the call from the data that `call_to_json` returned. Raises TypeError if a field is missing, unknown, or
    of a wrong type."""
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
    if b"null" in text:  # orjson also writes NaN as null
        return json.dumps(value, separators=(",", ":"), default=str)
    return text.decode()


def strict(value: Any) -> str:
    """Returns JSON text that any parser accepts. NaN and infinities become null, lone surrogates become "?", and values
    of types that JSON does not have become strings."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, default=str)
    return text.encode("utf-8", "replace").decode()


def table_json(columns: Sequence[Sequence[Any]], types: Sequence[str]) -> Iterator[bytes]:
    """Yields the pieces of one JSON object that holds the columns of a table under the keys c0, c1 and so on. `types`
    are the DuckDB types of the columns. NaN and infinities are written as `NaN` and `Infinity`."""
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
    """Yields the numbers of a column, without None and 0. `values` are numbers, or lists of numbers if `kind` ends with
    []."""
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
