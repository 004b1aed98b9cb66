"""Small files are merged while others read and write, and files go when no reader can need them."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from redraft.flows.cli.main import cli
from redraft.store import Problem, Store
from redraft.store.ducklake import ducklake_compaction, ducklake_database
from redraft.store.ducklake.ducklake_compaction import compact
from redraft.store.ducklake.ducklake_database import DuckLakeDatabase
from redraft.store.unit import Unit

Maker = Callable[..., Unit]
NOW = timedelta(0)


def files(folder: Path) -> int:
    return len(list((folder / "lake").rglob("*.parquet")))


def database(store: Store) -> DuckLakeDatabase:
    found = store._database
    assert isinstance(found, DuckLakeDatabase)
    return found


def test_merging_changes_no_view(
    tmp_path: Path, ducklake: str, fill: Callable[[Store], None], compare: Callable[..., None]
) -> None:
    store = Store(ducklake)
    fill(store)
    store.copy(tmp_path / "before.duckdb")
    before, after = store.compact()
    assert before > 20
    assert after <= len(database(store).template.tables)
    compare(store, Store(tmp_path / "before.duckdb"), ("commit_id", "run_id", "dataset_id", "published_at"))
    assert store.compact() == (after, after)


def test_a_reader_keeps_its_files_for_a_day(tmp_path: Path, ducklake: str, make_unit: Maker) -> None:
    reader, writer = Store(ducklake), Store(ducklake)
    for n in range(3):
        writer.publish([make_unit([[("1", True)]], problem_id=f"p{n}")])
    written = files(tmp_path)
    with reader.held(read_only=True):
        assert writer.compact() == (written, written // 3)
        assert files(tmp_path) == written + written // 3
        assert reader.query("SELECT count(*) FROM turns").rows == [(3,)]
    own = database(writer)
    compact(own.address, own.template.tables, reading=NOW, snapshots=NOW)
    assert files(tmp_path) == written // 3
    assert reader.query("SELECT count(*) FROM turns").rows == [(3,)]
    assert reader.query("SELECT count(*) FROM raw.turns WHERE rowid < 2").rows == [(2,)]


def test_what_a_killed_process_left_is_removed_and_nothing_else(
    tmp_path: Path, ducklake: str, make_unit: Maker
) -> None:
    store = Store(ducklake)
    store.publish([make_unit([[("1", True)]])])
    left = database(store).begin()
    left.copy(database(store).rows(), "labels", "SELECT * FROM (VALUES (1)) v(a)")
    (tmp_path / "lake" / "journal").mkdir()
    journal = tmp_path / "lake" / "journal" / "r.jsonl"
    journal.touch()
    store.compact()
    assert left.file("labels").exists()
    own = database(store)
    compact(own.address, own.template.tables, reading=NOW)
    assert not left.file("labels").exists()
    assert journal.exists()
    assert store.query("SELECT count(*) FROM turns").rows == [(1,)]


def test_older_snapshots_can_be_read(ducklake: str) -> None:
    store = Store(ducklake)
    for n in range(4):
        store.add([Problem(f"{n}?", str(n))])
    newest = database(store)._registered()._snapshot
    store.compact()
    counted = "SELECT count(*) FROM lake.raw.problems AT (VERSION => {})"
    assert [store.query(counted.format(newest - n)).rows for n in range(3)] == [[(4,)], [(3,)], [(2,)]]


def test_small_files_are_merged_while_a_run_goes_on(
    tmp_path: Path, ducklake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ducklake_database, "MERGED", 8)
    store, other = Store(ducklake), Store(ducklake)
    for n in range(20):
        (store, other)[n % 2].end_run(str(n), "finished")
    [(live,)] = database(store)._ask(
        f"SELECT count(*) FROM {ducklake_compaction.metadata(database(store).address, 'data_file')}"
    )
    assert live < 12
    assert store.query("SELECT run_id FROM raw.run_events ORDER BY rowid").rows == [(str(n),) for n in range(20)]


def test_the_commands_copy_and_compact(tmp_path: Path, ducklake: str, postgres: Any) -> None:
    store = Store(ducklake)
    for n in range(3):
        store.add([Problem(f"{n}?", str(n))])
    run = CliRunner().invoke
    result = run(cli, ["store", "compact", ducklake])
    assert result.output == f"{ducklake}: 3 files before, 1 file now\n"
    result = run(cli, ["store", "copy", ducklake, f"{tmp_path}/two/"])
    assert result.output == f"{tmp_path}/two/: 3 problems (3 rows)\n"
    other = postgres.name(tmp_path / "other")
    result = run(cli, ["store", "copy", f"{tmp_path}/two", other])
    assert result.output == f"{other}: 3 problems (3 rows)\n"
    result = run(cli, ["query", "--db", other, "--csv", "SELECT count(*) AS n FROM problems"])
    assert result.output == "n\n3\n"
    result = run(cli, ["store", "copy", f"{tmp_path}/two", other])
    assert result.exit_code != 0
    assert "has rows, or had some" in str(result.exception)
