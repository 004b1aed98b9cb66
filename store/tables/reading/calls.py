"""Reads stored calls back as records, so that a unit can be replayed without calling a model."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from redraft.store.calls import Call
from redraft.store.tables.sql import one_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def read_calls(connection: "DuckDBPyConnection", units: Sequence[str]) -> list[tuple[Call, list[dict[str, Any]]]]:
    """Returns the published calls of these units with their choices, in the order of publication."""
    sql = f"""
        SELECT {", ".join(COLUMNS.values())}, c.response
        FROM raw.calls c JOIN raw.commits p USING (commit_id)
        WHERE {one_of("p.unit_id", units)} ORDER BY p.published_at, c.rowid"""
    return [(_call(row), json.loads(response)) for *row, response in connection.execute(sql).fetchall()]


def _call(row: Sequence[Any]) -> Call:
    facts = dict(zip(COLUMNS, row, strict=True))
    tries = facts["failed_tries"]
    return Call(
        **{**facts, "params": json.loads(facts["params"]), "failed_tries": None if tries is None else json.loads(tries)}
    )


COLUMNS = {
    name: {
        "unit": "p.unit_id",
        "problem_id": "p.problem_id",
        "first": "c.first_sample",
        "answered_at": "epoch(c.answered_at)",
    }.get(name, f"c.{name}")
    for name in Call.__struct_fields__
}
