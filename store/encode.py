"""How records become JSON and come back: the one place that knows it, for the journal and for the store."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from redraft.store.records import Call


def call_to_json(call: Call) -> dict[str, Any]:
    """A call as plain JSON data."""
    return asdict(call)


def call_from_json(data: Mapping[str, Any]) -> Call:
    """The call that `call_to_json` took apart. Raises TypeError where a field is missing or unknown."""
    return Call(**data)


def exact(value: Any) -> str:
    """JSON text, in ASCII, that `json.loads` gives back exactly: NaN, infinities and lone surrogates too."""
    return json.dumps(value, separators=(",", ":"), default=str)


def strict(value: Any) -> str:
    """JSON text that any reader takes: NaN and infinities are null, lone surrogates "?", other things text."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, default=str)
    return text.encode("utf-8", "replace").decode()


def columns(rows: Sequence[Sequence[Any]]) -> list[str]:
    """The columns of a table as JSON arrays, as DuckDB takes them: NaN and infinities stay what they are."""
    return [
        json.dumps(column, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()
        for column in zip(*rows, strict=True)
    ]


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
