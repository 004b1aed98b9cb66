"""What a query may be, and where its result may go."""

import json
from pathlib import Path

import pytest

from redraft.store import Store
from redraft.store.errors import QueryError, StoreError


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("", "the question is empty: ask one in SQL, such as FROM runs"),
        ("-- nothing", "the question is empty"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("SELECT 1; PIVOT runs ON stage USING count(*);", "one statement at a time"),
    ],
)
def test_a_query_is_one_statement(store: Store, tmp_path: Path, sql: str, says: str) -> None:
    with pytest.raises(QueryError, match=says):
        store.query(sql)
    with pytest.raises(QueryError, match=says):
        store.export_parquet(sql, tmp_path / "out.parquet")
    pivot = "PIVOT (SELECT 1 AS a, 'x' AS b) ON b USING sum(a);"
    assert (store.query(pivot).columns, store.query(pivot).rows) == (["x"], [(1,)])


def test_columns_of_one_name_stay_apart(store: Store) -> None:
    table = store.query("SELECT 1 AS a, 2 AS a, 3 AS A, 4 AS a_1")
    assert json.loads(table.to_json()) == [{"a": 1, "a_1": 2, "A_2": 3, "a_1_1": 4}]


@pytest.mark.parametrize("name", ["redraft.duckdb", "redraft.duckdb.wal", "redraft.duckdb.journal/r.jsonl", "link"])
def test_a_store_is_never_written_over(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / "link").hardlink_to(store.path)
    with pytest.raises(StoreError, match=rf"{name} belongs to the store .*redraft.duckdb: name another file"):
        store.export_parquet("FROM runs", tmp_path / name, overwrite=True)
    assert store.query("FROM runs").rows == []


def test_another_file_is_replaced_only_where_that_is_wished(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "out.parquet"
    file.write_text("old")
    with pytest.raises(StoreError, match=r"/dev/null is no regular file: name another file"):
        store.export_parquet("SELECT 1", "/dev/null", overwrite=True)
    with pytest.raises(StoreError, match=r"out.parquet exists: name another, or replace it with --overwrite"):
        store.export_parquet("SELECT 1", file)
    assert file.read_text() == "old"
    assert store.export_parquet("SELECT 1", file, overwrite=True) == 1


def test_an_empty_file_is_replaced_since_nothing_is_lost(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "out.parquet"
    file.touch()
    assert store.export_parquet("SELECT 1", file) == 1
    assert file.stat().st_size


@pytest.mark.parametrize("sql", ["SELECT INTERVAL '9999999' YEAR", "SELECT INTERVAL '9999999' YEAR FROM range(5000)"])
def test_a_value_that_python_has_no_room_for_is_told(store: Store, sql: str, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="outside Python's range of its type: make it a text"):
        store.query(sql)
    assert store.query(sql.replace("INTERVAL '9999999' YEAR", "CAST(INTERVAL '9999999' YEAR AS VARCHAR)")).rows
