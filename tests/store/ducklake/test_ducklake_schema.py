"""A DuckLake is made once, grows with the schema, and is refused if it is none of redraft's."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.store import Problem, Store
from redraft.store.ducklake.address import read_address
from redraft.store.ducklake.catalog import attach, connect
from redraft.store.errors import StoreError
from redraft.store.tables.schema.migrations import NEWEST
from redraft.store.unit import Unit

OPEN = "import sys; from redraft.store import Store, Problem; Store(sys.argv[1]).add([Problem('1?', '1')])"


def run(ducklake: str, *statements: str) -> None:
    with connect() as connection:
        attach(connection, read_address(ducklake), create=True)
        for sql in statements:
            connection.execute(sql)


def test_a_store_that_is_not_there_is_made_only_if_it_may_be(tmp_path: Path, ducklake: str) -> None:
    with pytest.raises(StoreError, match=r"no store in ducklake:.*run `redraft generate`"):
        Store(ducklake, create=False)
    assert not (tmp_path / "lake").exists()
    without = ducklake.partition(" data_path")[0]
    with pytest.raises(StoreError, match="name the folder of its files too, as in data_path=/shared/runs"):
        Store(without)
    Store(ducklake)
    assert Store(without, create=False).add([Problem("1?", "1")]) == 1


def test_another_folder_is_refused(tmp_path: Path, ducklake: str) -> None:
    Store(ducklake)
    with pytest.raises(StoreError, match=rf'its files are in "?{tmp_path}/lake/"?: name that folder') as raised:
        Store(f"{ducklake}2")
    assert "\n" not in str(raised.value)
    with pytest.raises(StoreError, match=r"there is no folder .*make it, or name another as data_path"):
        Store(ducklake.replace("metadata_schema=", "metadata_schema=new").replace("/lake", "/no/lake"))
    (tmp_path / "lake").rename(tmp_path / "away")
    with pytest.raises(StoreError, match=r"there is no folder .*lake/, where its files are: mount it here"):
        Store(ducklake.partition(" data_path")[0])


def test_processes_that_make_it_at_once_make_one(ducklake: str) -> None:
    made = [subprocess.Popen([sys.executable, "-c", OPEN, ducklake], stderr=subprocess.PIPE) for _ in range(3)]
    for process in made:
        _, said = process.communicate()
        assert process.returncode == 0, said.decode()
    store = Store(ducklake)
    assert store.query("SELECT count(*) FROM problems").rows == [(1,)]
    assert store.query("SELECT count(*) FROM lake.raw.migrations").rows == [(1,)]


def test_an_older_one_gets_the_newest_schema(ducklake: str, make_unit: Callable[..., Unit]) -> None:
    Store(ducklake).publish([make_unit([[("1", True)]], problem_id="p0")])
    run(
        ducklake,
        "ALTER TABLE lake.raw.turns DROP COLUMN wrong_equation",
        "DROP TABLE lake.raw.alarms",
        f"UPDATE lake.raw.migrations SET number = {NEWEST - 1}",
    )
    store = Store(ducklake)
    store.publish([make_unit([[("2", True)]], problem_id="p1")])
    assert store.query("SELECT problem_id, answer FROM trajectories ORDER BY ALL").rows == [("p0", "1"), ("p1", "2")]
    assert store.query("SELECT count(*), count(wrong_equation) FROM raw.turns").rows == [(2, 0)]
    assert store.query("SELECT count(*) FROM raw.alarms").rows == [(0,)]
    assert store.query("SELECT max(number) FROM lake.raw.migrations").rows == [(NEWEST,)]


def test_a_newer_one_is_refused_also_while_it_is_open(ducklake: str) -> None:
    store = Store(ducklake)
    run(ducklake, f"INSERT INTO lake.raw.migrations VALUES ({NEWEST + 1}, 'next.sql', now()::TIMESTAMP)")
    for operation in (lambda: Store(ducklake), lambda: store.query("FROM runs")):
        with pytest.raises(StoreError, match=rf"newer redraft \(schema {NEWEST + 1}; this one knows {NEWEST}\)"):
            operation()


def test_a_ducklake_of_somebody_else_is_refused_and_left_alone(tmp_path: Path, ducklake: str) -> None:
    run(ducklake, "CREATE TABLE lake.main.theirs AS SELECT 1 AS one")
    with pytest.raises(StoreError, match="it is a DuckLake, but not one of redraft's: name another metadata_schema"):
        Store(ducklake)
    with pytest.raises(StoreError, match="not one of redraft's"):
        Store(tmp_path / "file.duckdb").copy(ducklake)


def test_a_role_that_may_make_nothing_is_told_so(ducklake: str, postgres: Any) -> None:
    schema = read_address(ducklake).schema
    postgres.sql(f"CREATE ROLE stranger_{schema} LOGIN")
    with pytest.raises(StoreError, match=r"permission denied for database postgres.*give the role") as raised:
        Store(ducklake.replace("user=redraft", f"user=stranger_{schema}"))
    assert "\n" not in str(raised.value)
