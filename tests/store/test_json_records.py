"""Records as JSON: what is exact comes back, what is strict is read by anybody."""

import json
import math
from datetime import date
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as some

from redraft.store.calls import Call
from redraft.store.json_records import call_from_json, call_to_json, exact, strict, table_json, texts

TEXTS = some.text(some.characters(codec=None), max_size=6)  # with lone surrogates
FLOATS = some.floats(allow_nan=False)
DATA = some.recursive(
    some.one_of(TEXTS, some.integers(), FLOATS, some.booleans(), some.none()),
    lambda inner: some.one_of(some.lists(inner, max_size=3), some.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


@given(DATA)
def test_exact_json_comes_back(value: Any) -> None:
    assert json.loads(exact(value)) == value


@pytest.mark.parametrize("value", [math.nan, [1, math.nan], {"logprob": math.nan}])
def test_exact_json_has_nan(value: Any) -> None:
    assert repr(json.loads(exact(value))) == repr(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, "null"),
        ({"a": [math.inf, -math.inf, 0.5]}, '{"a": [null, null, 0.5]}'),
        ({1: (math.nan, 2)}, '{"1": [null, 2]}'),
        ({"t": "half \ud800", "é": None}, '{"t": "half ?", "é": null}'),
        ({"day": date(2026, 1, 2), "bad": math.nan}, '{"day": "2026-01-02", "bad": null}'),
        ([], "[]"),
    ],
)
def test_strict_json_is_read_by_anybody(value: Any, text: str) -> None:
    assert strict(value) == text
    duckdb.execute(f"SELECT '{text}'::JSON")  # raises for JSON of Python's own


@given(DATA)
def test_strict_json_changes_no_other_value(value: Any) -> None:
    assume = json.dumps(value, ensure_ascii=False)
    if "Infinity" not in assume:
        assert strict(value) == assume.encode("utf-8", "replace").decode()


def test_a_call_leaves_out_what_it_has_not() -> None:
    call = Call("c", "u", "p", "grade", "u/", 2, 1, "m", "h", {"stop": None}, cached_tokens=0, failed_tries={"429": 2})
    data = call_to_json(call)
    assert data.keys().isdisjoint({"cost_usd", "finish_reason", "error", "answered_at"})
    assert data["cached_tokens"] == 0, "a zero is a value"
    assert call_from_json(json.loads(exact(data))) == call


def test_a_call_with_a_field_too_many_or_too_few_is_refused() -> None:
    data = call_to_json(Call("c", "u", "p", "grade", "u/", 2, 1, "m", "h", {}))
    with pytest.raises(TypeError, match="colour"):
        call_from_json({**data, "colour": "red"})
    data.pop("purpose")
    with pytest.raises(TypeError, match="purpose"):
        call_from_json(data)


def test_a_table_is_one_object_of_columns() -> None:
    columns = [["a", "half \ud800"], [0.5, math.nan], [None, math.inf], [1, 2], [0.25, None]]
    pieces = table_json(columns, ["VARCHAR", "DOUBLE", "DOUBLE", "BIGINT", "DOUBLE"])
    found = json.loads(b"".join(pieces))
    assert found.keys() == {"c0", "c1", "c2", "c3", "c4"}
    assert found["c0"] == ["a", "half ?"]
    assert found["c1"][0] == 0.5
    assert math.isnan(found["c1"][1])
    assert (found["c2"], found["c3"], found["c4"]) == ([None, math.inf], [1, 2], [0.25, None])
    with pytest.raises(ValueError, match="zip"):
        list(table_json([[1]], []))


@given(some.lists(some.text(max_size=5), max_size=4))
def test_texts_are_an_array(values: list[str]) -> None:
    assert json.loads(texts(values)) == values
