"""A store of an earlier schema: brought to the newest when it is opened, with all that was in it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from redraft.store import Store
from redraft.store.calls import Call
from redraft.store.tables import sql
from redraft.store.tables.rows import unit_rows
from redraft.store.tables.schema import migrations
from redraft.store.unit import Unit

BEFORE = 10
"""The last schema whose calls had neither a time nor failed tries."""

LEFT = "SELECT table_name, column_name FROM duckdb_columns() WHERE comment IS NULL AND NOT internal"


@pytest.fixture
def old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_unit: Callable[..., Unit], make_call: Callable[..., Call]
) -> Path:
    """A store of schema 10 with one unit: two samples, a call that was answered and one that was not."""
    calls = [
        (make_call("u", 0, completion_tokens=5, attempts=3), [{"text": "x"}]),
        (make_call("u", 1, error="HTTP 500"), []),
    ]
    unit = make_unit([[("1", True)], [("2", False), ("1", True)]], scores={"prm": [[0.9], [0.2, 0.8]]}, calls=calls)
    path = tmp_path / "old.duckdb"
    monkeypatch.setattr(sql, "COLUMN_TYPES", {})
    with monkeypatch.context() as patch, duckdb.connect(str(path)) as connection:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:BEFORE])
        migrations.migrate(connection)
        assert migrations.version(connection) == BEFORE
        for table, rows in unit_rows(unit, unit.calls).items():
            columns = len(connection.execute(f"DESCRIBE {table}").fetchall())
            sql.insert(connection, table, [row[:columns] for row in rows])
    monkeypatch.setattr(sql, "COLUMN_TYPES", {})
    return path


def test_a_store_of_schema_10_is_brought_to_the_newest(old: Path, make_unit: Callable[..., Unit]) -> None:
    store = Store(old)
    assert store.query("SELECT max(number) FROM raw.migrations").rows == [(len(migrations.MIGRATIONS),)]
    fresh = Store(":memory:")
    views = "SELECT schema_name, view_name, column_count, comment FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
    assert store.query(views).rows == fresh.query(views).rows
    columns = """
        SELECT table_name, column_name, data_type, CASE WHEN schema_name = 'main' THEN comment END
        FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"""
    assert store.query(columns).rows == fresh.query(columns).rows
    assert store.query(LEFT).rows == []
    for schema, view, *_ in store.query(views).rows:
        store.query(f"FROM {schema}.{view}")


def test_what_was_in_it_counts_as_before(old: Path, make_unit: Callable[..., Unit]) -> None:
    store = Store(old)
    assert store.query("SELECT draft, k, pass_at_k FROM pass_at_k ORDER BY ALL").rows == [
        ("first", 1, 0.5),
        ("first", 2, 1.0),
        ("last", 1, 1.0),
        ("last", 2, 1.0),
    ]
    ended = datetime(2026, 1, 2, 12)
    assert store.query("SELECT DISTINCT answered_at, failed_tries FROM calls").rows == [(ended, None)]
    assert store.query("SELECT answered_at FROM raw.calls").rows == [(None,), (None,)]
    assert store.query("FROM provider_errors").rows == [(ended, "embedded", "not recorded", 1, 0, 2, 4)]
    assert store.query("SELECT day, calls, completion_tokens FROM tokens_by_day").rows == [(ended.date(), 2, 5)]
    [answered, failed] = [call for call, _ in store.calls([make_unit([]).unit_id])]
    assert (answered.answered_at, answered.failed_tries, failed.error) == (None, None, "HTTP 500")


def test_it_takes_new_units(old: Path, make_unit: Callable[..., Unit], make_call: Callable[..., Any]) -> None:
    store = Store(old)
    told = {"HTTP 429": 2}
    call = make_call("u", 2, answered_at=1_767_355_200.125, failed_tries=told)
    store.publish([make_unit([[("1", True)]], problem_id="q", calls=[(call, [{"text": "y"}])])])
    [(again, _)] = store.calls([make_unit([], problem_id="q").unit_id])
    assert (again.answered_at, again.failed_tries) == (1_767_355_200.125, told)
