"""The column types of an export. Each column has one type over all rows, so that a reader need not infer it from the
first rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Plain = Literal["null", "bool", "int", "float", "text"]


@dataclass(slots=True)
class ListOf:
    """A list whose items have one type."""

    item: "Type" = "null"


@dataclass(slots=True)
class Struct:
    """The type of a JSON object: the type of each key, in the order in which the keys appeared."""

    fields: "dict[str, Type]" = field(default_factory=dict)


Type: TypeAlias = Plain | ListOf | Struct


class Columns:
    """The columns of the rows seen so far. Strings remain strings, whatever their content. A column of integers and
    floats has floats. A column that has strings and other values has strings; the other values are written as JSON."""

    def __init__(self) -> None:
        self.types: dict[str, Type] = {}

    def see(self, row: Mapping[str, Any]) -> None:
        """Widens the types so that they can represent a row."""
        types = self.types
        for name, value in row.items():
            before = types.get(name, "null")
            if type(value) is str and before == "text":
                continue
            types[name] = _widened(before, value)

    def duckdb(self) -> dict[str, str]:
        """Returns the DuckDB type of each column."""
        return {name: _duckdb(kind) for name, kind in self.types.items()}

    def features(self) -> list[dict[str, Any]]:
        """Returns the columns as `dataset_info.features` in the front matter of a data set card."""
        return [{"name": name, **_feature(kind)} for name, kind in self.types.items()]


def _widened(before: Type, value: Any) -> Type:
    """Returns the narrowest type that can represent both the values of `before` and the value."""
    if value is None:
        return before
    if isinstance(value, Mapping):
        if not isinstance(before, Struct):
            if before != "null":
                return "text"
            before = Struct()
        for key, inner in value.items():
            known = before.fields.get(key, "null")
            if type(inner) is not str or known != "text":
                before.fields[key] = _widened(known, inner)
        return before
    if isinstance(value, Sequence) and not isinstance(value, str):
        if not isinstance(before, ListOf):
            if before != "null":
                return "text"
            before = ListOf()
        for inner in value:
            before.item = _widened(before.item, inner)
        return before
    found = _plain(value)
    if not isinstance(before, str):
        return "text"
    if before in ("null", found):
        return found
    return "float" if {before, found} == {"int", "float"} else "text"


def _plain(value: Any) -> Plain:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "text"
    return "float" if isinstance(value, float) else "text"


def _duckdb(kind: Type) -> str:
    if isinstance(kind, ListOf):
        return f"{_duckdb(kind.item)}[]"
    if isinstance(kind, Struct):
        quoted = (f'"{name.replace(chr(34), chr(34) * 2)}" {_duckdb(inner)}' for name, inner in kind.fields.items())
        return f"STRUCT({', '.join(quoted)})" if kind.fields else "VARCHAR"
    return DUCKDB[kind]


def _feature(kind: Type) -> dict[str, Any]:
    if isinstance(kind, ListOf):
        inner = _feature(kind.item)
        return {"list": inner.get("struct") or inner.get("dtype") or inner}
    if isinstance(kind, Struct) and kind.fields:
        return {"struct": [{"name": name, **_feature(inner)} for name, inner in kind.fields.items()]}
    return {"dtype": "string" if isinstance(kind, Struct) else HUB[kind]}


DUCKDB: Mapping[Plain, str] = {
    "null": "VARCHAR", "bool": "BOOLEAN", "int": "BIGINT", "float": "DOUBLE", "text": "VARCHAR",
}  # fmt: skip
HUB: Mapping[Plain, str] = {"null": "string", "bool": "bool", "int": "int64", "float": "float64", "text": "string"}
