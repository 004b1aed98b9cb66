"""Making a database where there is none, and how it is held and laid out."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from redraft.store import Store
from redraft.store.errors import StoreError
from redraft.store.tables.database.file_database import FileDatabase
from redraft.store.tables.schema.migrations import migrate
from redraft.store.tables.sql import insert
from redraft.store.unit import Unit

GROUPS = "SELECT max(start + count) FROM pragma_storage_info('raw.steps') GROUP BY row_group_id ORDER BY row_group_id"
FORMAT = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = current_database()"
COMPRESSED = """
    SELECT DISTINCT compression FROM pragma_storage_info('raw.steps')
    WHERE column_name IN ('step_id', 'text') AND segment_type = 'VARCHAR'"""
STEPS = [[(str(turn), False) for turn in range(50)]] * 20  # a unit's: 20 trajectories of 50 turns, 1,980 rows


def test_what_cannot_be_made_nor_removed_is_one_error(tmp_path: Path) -> None:
    """As on a read-only file system; a folder in its place is as hard to open and to unlink."""
    (tmp_path / f".redraft.duckdb.{os.getpid()}.new").mkdir()
    with pytest.raises(StoreError, match=r"redraft\.duckdb can't be made"):
        Store(tmp_path / "redraft.duckdb")


def test_no_batch_makes_a_group_of_more_than_32768_rows(store: Store, make_unit: Callable[..., Unit]) -> None:
    for number in range(20):
        store.publish([make_unit(STEPS, problem_id=f"p{number}")])
    sizes = [rows for (rows,) in store.query(GROUPS).rows]
    assert sum(sizes) == 20 * 1980
    assert max(sizes) == 32768 // 1980 * 1980
    assert store.query("SELECT block_size FROM pragma_database_size()").rows == [(16384,)]


@pytest.mark.parametrize(("made", "goes_on"), [("v1.0.0", "v1.2.0+"), ("v1.5.0", "v1.5.0+")])
def test_a_store_of_another_format_goes_on(
    tmp_path: Path, make_unit: Callable[..., Unit], made: str, goes_on: str
) -> None:
    path = tmp_path / "old.duckdb"
    with duckdb.connect(path, config={"storage_compatibility_version": made}) as connection:
        migrate(connection)
        columns = len(connection.execute("DESCRIBE raw.steps").fetchall()) - 1
        connection.execute(f"INSERT INTO raw.steps SELECT -1 {', NULL' * columns} FROM range(10_000)")
    store = Store(path)
    for number in range(3):
        store.publish([make_unit(STEPS, problem_id=f"p{number}")])
    assert store.query("SELECT commit_id = -1 AS old, count(*) FROM raw.steps GROUP BY ALL ORDER BY ALL").rows == [
        (False, 3 * 1980),
        (True, 10_000),
    ]
    assert store.query(GROUPS).rows[0] == (10_000,)
    with duckdb.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM trajectories").fetchall() == [(60,)]
        assert connection.execute(FORMAT).fetchall() == [(goes_on,)]


def test_texts_are_compressed_by_zstandard(store: Store, make_unit: Callable[..., Unit]) -> None:
    texts = [f"The sum of {number} and {number + 1} is {2 * number + 1}." for number in range(2000)]
    store.publish([make_unit([[("1", True)]] * 2000, texts=texts)])
    assert store.query(COMPRESSED).rows == [("ZSTD",)]
    assert sorted(text for (text,) in store.query("SELECT text FROM steps").rows) == sorted(texts)


def test_a_batch_is_in_the_file_and_no_log_beside_it(store: Store) -> None:
    with FileDatabase(store.path, create=False, waiting=None).open() as connection:
        insert(connection, "raw.dataset_rows", [("d", 0, "t", None, None)] * 3000)
        assert os.listdir(Path(store.path).parent) == ["redraft.duckdb"]
    assert store.query("SELECT count(*) FROM raw.dataset_rows").rows == [(3000,)]


def test_no_room_for_a_temporary_file_is_one_line(
    store: Store, make_unit: Callable[..., Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with pytest.raises(StoreError, match=r"^.*redraft\.duckdb: .*No such file or directory: '/nowhere.*'$"):
        store.publish([make_unit([[("1", True)]])])
    monkeypatch.undo()
    assert store.query("SELECT count(*) FROM raw.steps").rows == [(0,)]


def test_a_writer_keeps_others_out_of_the_file_even_where_its_own_process_tries(store: Store) -> None:
    """A refused connection of the same process must not give up the process's lock on the file."""
    code = "import duckdb, sys; duckdb.connect(sys.argv[1])"
    with FileDatabase(store.path, create=False, waiting=None).open() as connection:
        with pytest.raises(duckdb.ConnectionException):
            duckdb.connect(store.path)
        with pytest.raises(duckdb.BinderException):
            duckdb.connect().execute(f"ATTACH '{store.path}'")
        other = subprocess.run([sys.executable, "-c", code, store.path], stderr=subprocess.PIPE, text=True, check=False)
        assert "Could not set lock" in other.stderr
        assert connection.execute("SHOW DATABASES").fetchall() == [("redraft",)]


@pytest.mark.parametrize("name", ["memory", "temp", "system", "it's", 'a "b"', "a.b"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / f"{name}.duckdb")
    run = store.start_run("generate", "r", "s", "m", {})
    assert Store(store.path).query("SELECT run_id FROM runs").rows == [(run,)]
