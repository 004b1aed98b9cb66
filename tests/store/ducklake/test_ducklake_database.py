"""A DuckLake does what a file and a folder do: the same rows in every view, and the same answers to every operation."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from redraft.store import Problem, Store
from redraft.store.ducklake.ducklake_database import DuckLakeDatabase
from redraft.store.ducklake.ducklake_template import ducklake_template
from redraft.store.errors import QueryError, StoreError
from redraft.store.lake.template import template
from redraft.store.tables.runs import DatasetRow
from redraft.store.unit import Unit
from redraft.store.waiting import off_loop

Maker = Callable[..., Unit]
Fill = Callable[[Store], None]
Compare = Callable[..., None]

COLUMNS = """
SELECT table_name, column_name, data_type, comment FROM duckdb_columns()
WHERE NOT internal AND database_name <> 'lake' AND column_name <> 'rowid' AND table_name <> 'migrations' ORDER BY ALL"""
EVERYTHING = ("commit_id", "run_id", "dataset_id", "published_at", "added_at")


def test_every_view_has_the_same_rows_and_columns_as_in_a_file(
    tmp_path: Path, ducklake: str, fill: Fill, compare: Compare
) -> None:
    file, lake = Store(tmp_path / "file.duckdb"), Store(ducklake)
    for store in (file, lake):
        fill(store)
    compare(file, lake)
    assert lake.query(COLUMNS).rows == file.query(COLUMNS).rows
    assert ducklake_template().tables == template().tables


def test_a_file_a_ducklake_and_a_folder_hold_the_same_after_copies(
    tmp_path: Path, ducklake: str, fill: Fill, compare: Compare
) -> None:
    file = Store(tmp_path / "file.duckdb")
    fill(file)
    copied = file.copy(ducklake)
    lake = Store(ducklake, create=False)
    assert lake.copy(f"{tmp_path}/folder/") == copied
    assert Store(tmp_path / "folder").copy(tmp_path / "again.duckdb") == copied
    assert copied["commits"] == 4
    folder, again = Store(tmp_path / "folder"), Store(tmp_path / "again.duckdb")
    compare(file, again, EVERYTHING)  # what is the same after three copies was so after each
    counts = " UNION ALL ".join(f"SELECT '{view}', count(*) FROM {view}" for view in VIEWS)
    found = [sorted(store.query(counts).rows) for store in (file, lake, folder)]
    assert found[0] == found[1] == found[2]
    with pytest.raises(StoreError, match="has rows, or had some: name another") as raised:
        file.copy(ducklake)
    assert "\n" not in str(raised.value)


def test_a_copy_keeps_the_order_of_publication_after_merges(tmp_path: Path, ducklake: str) -> None:
    lake = Store(ducklake)
    for n in range(12):
        lake.end_run(str(n), "finished")
        if n % 4 == 3:
            lake.compact()
    for target in (f"{tmp_path}/folder/", f"{tmp_path}/file.duckdb"):
        lake.copy(target)
        ordered = Store(target).query("SELECT run_id FROM raw.run_events ORDER BY rowid").rows
        assert ordered == [(str(n),) for n in range(12)]


def test_records_come_back(tmp_path: Path, ducklake: str, make_unit: Maker, fill: Fill) -> None:
    file, lake = Store(tmp_path / "file.duckdb"), Store(ducklake)
    for store in (file, lake):
        fill(store)
    unit = make_unit([[("1", True)]], problem_id="p0").unit_id
    assert lake.done("r", "") == file.done("r", "")
    assert list(lake.problems()) == list(file.problems())
    assert lake.answers([unit]) == file.answers([unit])
    assert lake.reference_losses("l", 1) == file.reference_losses("l", 1)
    assert lake.embeddings("e")["h"].tolist() == [0.5, 0.25]
    assert [rows for part in lake.parts("FROM turns ORDER BY ALL") for rows in part] == [
        rows for part in file.parts("FROM turns ORDER BY ALL") for rows in part
    ]
    assert lake.export_parquet("FROM runs", tmp_path / "runs.parquet") == 1
    assert lake.size() > 1000


def test_a_reader_stays_with_its_snapshot_and_sees_its_own_writes(ducklake: str, make_unit: Maker) -> None:
    one, other = Store(ducklake), Store(ducklake)
    counted = "SELECT count(*), max(commit_id) IS NULL FROM raw.commits"
    with one.held():
        assert one.query(counted).rows == [(0, True)]
        other.publish([make_unit([[("1", True)]], problem_id="p0")])
        assert other.query(counted).rows == [(1, False)]
        assert one.query(counted).rows == [(0, True)]
        one.publish([make_unit([[("1", True)]], problem_id="p1")])
        assert one.query(counted).rows == [(2, False)]
        [parts] = one.parts(counted)
        assert parts == [(2, False)]
    with one.held(read_only=True, memory=500 * 2**20):
        other.compact()
        other.publish([make_unit([[("1", True)]], problem_id="p2")])
        assert one.query(counted).rows == [(2, False)]
    assert one.query(counted).rows == [(3, False)]


def test_a_connection_is_kept_unless_a_query_has_locked_it(ducklake: str) -> None:
    store = Store(ducklake)
    database = store._database
    assert isinstance(database, DuckLakeDatabase)
    store.done("r", "")
    kept = database._idle
    assert kept is not None
    store.rounds("l")
    assert database._idle is kept
    with store.held(read_only=True, memory=500 * 2**20):
        store.done("r", "")
    assert database._idle is None
    store.query("FROM runs")
    assert database._idle is None
    store.done("r", "")
    store.close()
    assert database._idle is None
    assert store.add([Problem("1?", "1")]) == 1


def test_a_known_problem_with_another_question_is_refused(ducklake: str) -> None:
    store = Store(ducklake)
    store.add([Problem("1?", "1", problem_id="p")])
    with pytest.raises(StoreError, match="is in the store with another question"):
        store.add([Problem("2?", "1", problem_id="p"), Problem("3?", "1", problem_id="q")])
    assert store.add([Problem("1?", "2", problem_id="p")]) == 0
    assert [problem.answer for problem in store.problems()] == ["2"]


def test_a_part_that_fails_leaves_nothing(tmp_path: Path, ducklake: str) -> None:
    store = Store(ducklake)

    def rows() -> list[DatasetRow]:
        raise RuntimeError("the disk of the rows is full")

    with pytest.raises(RuntimeError, match="the disk of the rows"):
        store.add_dataset("sft", {}, (row for _ in range(1) for row in rows()))
    assert store.query("FROM datasets").rows == []
    assert list((tmp_path / "lake").rglob("*.parquet")) == []


def test_the_stores_own_folder_is_never_exported_into(tmp_path: Path, ducklake: str) -> None:
    store = Store(ducklake)
    for target in ("lake/rows.parquet", "lake/raw/x.parquet"):
        (tmp_path / "lake" / "raw").mkdir(exist_ok=True)
        with pytest.raises(StoreError, match="belongs to the store"):
            store.export_parquet("FROM runs", tmp_path / target)
    with pytest.raises(StoreError, match="holds the store"):
        store.check_folder(tmp_path / "lake", overwrite=True)


def test_a_missing_file_is_named(tmp_path: Path, ducklake: str, make_unit: Maker) -> None:
    store = Store(ducklake)
    store.publish([make_unit([[("1", True)]])])
    [file] = (tmp_path / "lake" / "raw" / "turns").glob("*.parquet")
    whole = file.read_bytes()
    file.unlink()
    with pytest.raises(StoreError, match=rf"{file} is missing: restore it") as raised:
        store.query("FROM turns")
    assert not isinstance(raised.value, QueryError)
    file.write_bytes(whole)
    assert len(store.query("FROM turns").rows) == 1


def test_what_changes_the_store_changes_its_stamp(ducklake: str) -> None:
    one, other = Store(ducklake), Store(ducklake)
    one.add([Problem("1?", "1")])
    before = [file.stat().st_mtime_ns for file in other.stamp()]
    other.query("FROM problems")
    assert [file.stat().st_mtime_ns for file in other.stamp()] == before
    one.add([Problem("2?", "2")])
    assert [file.stat().st_mtime_ns for file in other.stamp()] != before


async def test_threads_take_turns_and_a_query_in_a_thread_is_answered(ducklake: str) -> None:
    store = Store(ducklake)
    threads = [threading.Thread(target=store.end_run, args=(str(n), "finished")) for n in range(4)]
    for thread in threads:
        thread.start()
    assert (await off_loop(store.query, "SELECT 1")).rows == [(1,)]
    for thread in threads:
        thread.join()
    assert store.query("SELECT count(*) FROM raw.run_events").rows == [(4,)]


VIEWS = (
    "problems", "runs", "steps", "trajectories", "turns", "grades", "calls", "prompts", "datasets", "dataset_rows",
    "samples", "labels", "pass_at_k", "best_of_n", "corrections", "costs", "step_quality", "diversity", "rounds",
    "models", "collapse",
)  # fmt: skip
