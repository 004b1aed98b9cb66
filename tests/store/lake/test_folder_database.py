"""A folder store does what a file does: the same rows in every view, and the same answers to every operation."""

from collections.abc import Callable
from pathlib import Path

import pytest

from redraft.store import Problem, Store
from redraft.store.errors import StoreError
from redraft.store.lake.template import template
from redraft.store.tables.runs import DatasetRow
from redraft.store.unit import Unit, key_hash

Maker = Callable[..., Unit]
Fill = Callable[[Store], None]
Compare = Callable[..., None]

COLUMNS = """
SELECT table_name, column_name, data_type, comment FROM duckdb_columns()
WHERE NOT internal AND column_name <> 'rowid' AND table_name <> 'migrations' ORDER BY ALL"""


def test_every_view_has_the_same_rows_and_columns_as_in_a_file(tmp_path: Path, fill: Fill, compare: Compare) -> None:
    file, folder = Store(tmp_path / "file.duckdb"), Store(f"{tmp_path}/folder/")
    for store in (file, folder):
        fill(store)
    compare(file, folder)
    assert folder.query(COLUMNS).rows == file.query(COLUMNS).rows
    numbered = folder.query("SELECT schema_name, table_name FROM duckdb_columns() WHERE column_name = 'rowid'").rows
    assert {schema for schema, _ in numbered} == {"raw"}
    assert {table for _, table in numbered} >= template().tables.keys()
    for view in ("turns", "pass_at_k", "labels", "rounds", "models", "datasets", "collapse", "calls", "step_quality"):
        assert folder.query(f"SELECT count(*) FROM {view}").rows != [(0,)] or view == "step_quality", view


def test_records_come_back(tmp_path: Path, make_unit: Maker, fill: Fill) -> None:
    file, folder = Store(tmp_path / "file.duckdb"), Store(f"{tmp_path}/folder/")
    for store in (file, folder):
        fill(store)
    unit = make_unit([[("1", True)]], problem_id="p0").unit_id
    assert folder.done("r", "") == file.done("r", "")
    assert folder.done("r", "")["p0"].attempt == 2
    assert list(folder.problems()) == list(file.problems())
    assert folder.answers([unit]) == file.answers([unit])
    assert [one.state for one in folder.rounds("l")] == ["exported"]
    assert folder.models("l")[0].name == "model"
    assert folder.reference_losses("l", 1) == file.reference_losses("l", 1)
    assert folder.embeddings("e")["h"].tolist() == [0.5, 0.25]
    assert [rows for part in folder.parts("FROM turns ORDER BY ALL") for rows in part] == [
        rows for part in file.parts("FROM turns ORDER BY ALL") for rows in part
    ]
    assert folder.export_parquet("FROM runs", tmp_path / "runs.parquet") == 1


def test_while_it_is_held_what_was_written_is_read(tmp_path: Path, make_unit: Maker) -> None:
    store = Store(f"{tmp_path}/folder/")
    with store.held():
        for n in range(3):
            store.publish([make_unit([[("1", True)]], problem_id=f"p{n}")])
            assert store.query("SELECT count(*) FROM trajectories").rows == [(n + 1,)]
        [parts] = store.parts("SELECT count(*) FROM trajectories")
        assert parts == [(3,)]


def test_a_known_problem_with_another_question_is_refused(tmp_path: Path) -> None:
    store = Store(f"{tmp_path}/folder/")
    store.add([Problem("1?", "1", problem_id="p")])
    with pytest.raises(StoreError, match="is in the store with another question"):
        store.add([Problem("2?", "1", problem_id="p"), Problem("3?", "1", problem_id="q")])
    assert store.add([Problem("1?", "2", problem_id="p")]) == 0
    assert [problem.answer for problem in store.problems()] == ["2"]
    assert key_hash(next(store.problems()))


def test_a_part_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(f"{tmp_path}/folder/")

    def rows() -> list[DatasetRow]:
        raise RuntimeError("the disk of the rows is full")

    with pytest.raises(RuntimeError, match="the disk of the rows"):
        store.add_dataset("sft", {}, (row for _ in range(1) for row in rows()))
    assert store.query("FROM datasets").rows == []
    assert list((tmp_path / "folder" / "segments").iterdir()) == []


def test_the_stores_own_folder_is_never_exported_into(tmp_path: Path) -> None:
    store = Store(f"{tmp_path}/folder/")
    for target in ("folder/rows.parquet", "folder/segments/x.parquet"):
        with pytest.raises(StoreError, match="belongs to the store"):
            store.export_parquet("FROM runs", tmp_path / target)
    with pytest.raises(StoreError, match=r"belongs to the store|holds the store"):
        store.check_folder(tmp_path / "folder" / "segments", overwrite=True)
    with pytest.raises(StoreError, match="holds the store"):
        store.check_folder(tmp_path / "folder", overwrite=True)


def test_damage_is_told_with_the_file(tmp_path: Path, make_unit: Maker) -> None:
    store = Store(f"{tmp_path}/folder/")
    store.publish([make_unit([[("1", True)]])])
    [file] = (tmp_path / "folder" / "segments").glob("*/turns.parquet")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match=r"has [0-9,]+ bytes in place of [0-9,]+: restore it from a backup") as raised:
        store.query("FROM turns")
    assert "\n" not in str(raised.value)
    for write in (lambda later: later.publish([make_unit([[("2", True)]])]), Store.compact):
        with pytest.raises(StoreError, match="in place of"):
            write(Store(store.path))
    file.unlink()
    with pytest.raises(StoreError, match=r"turns.parquet is missing: restore it from a backup"):
        store.query("FROM turns")
    file.write_bytes(whole)
    assert len(store.query("FROM turns").rows) == 1


def test_the_template_is_made_without_a_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no"))
    template.cache_clear()
    try:
        assert Store(f"{tmp_path}/folder/").query("FROM runs").rows == []
    finally:
        template.cache_clear()


def test_queries_are_planned_by_the_number_of_rows(tmp_path: Path, make_unit: Maker) -> None:
    """DuckDB hashes the smaller side of a join, so that it has to know which side that is."""
    store = Store(f"{tmp_path}/folder/")
    assert "~0 rows" in store.query("EXPLAIN FROM raw.turns").rows[0][1]
    store.publish([make_unit([[("1", True)]], problem_id=f"p{n}") for n in range(7)])
    assert "~7 rows" in store.query("EXPLAIN FROM raw.turns").rows[0][1]
