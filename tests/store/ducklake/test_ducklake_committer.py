"""Every attempt at a unit is in a DuckLake once, whoever commits it and whoever is killed meanwhile."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from redraft.store import Problem, Store
from redraft.store.ducklake import ducklake_committer
from redraft.store.ducklake.ducklake_committer import DuckLakeCommitter
from redraft.store.ducklake.ducklake_database import DuckLakeDatabase
from redraft.store.errors import StoreError
from redraft.store.lake.attempts import LANES
from redraft.store.unit import Unit

Maker = Callable[..., Unit]
SWARM = Path(__file__).parents[1] / "lake" / "swarm.py"


def swarm(*arguments: object) -> dict[str, Any]:
    result = subprocess.run([sys.executable, SWARM, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert not result.stderr
    return json.loads(result.stdout)


def assert_whole(store: Store, units: int) -> None:
    """Asserts that each unit is there once, with all its rows."""
    tables = ("commits", "steps", "turns", "grades")
    counts = store.query(f"SELECT {', '.join(f'(SELECT count(*) FROM raw.{table})' for table in tables)}").rows
    assert counts == [(units, 2 * units, 2 * units, 2 * units)]
    assert store.query("SELECT count(DISTINCT unit_id), count(DISTINCT commit_id) FROM raw.commits").rows == [
        (units, units)
    ]
    assert store.query("SELECT count(*) FROM turns").rows == [(2 * units,)]
    store.compact()
    assert store.query("SELECT count(*) FROM turns").rows == [(2 * units,)]


def test_a_process_may_be_killed_before_every_statement_of_a_batch(ducklake: str) -> None:
    told = swarm("points", ducklake, 6)
    assert told["killed"] > 5
    assert_whole(Store(ducklake), told["units"])


def test_processes_that_are_killed_at_random_instants_lose_and_repeat_nothing(ducklake: str) -> None:
    told = swarm("kills", ducklake, 5, 1)
    assert told["failed"] == 0
    assert_whole(Store(ducklake), told["units"])


def test_four_committers_of_the_same_units_register_each_once(ducklake: str) -> None:
    told = swarm("race", ducklake)
    assert told["failed"] == 0
    assert_whole(Store(ducklake), told["units"])


def committer(store: Store) -> DuckLakeCommitter:
    database = store._database
    assert isinstance(database, DuckLakeDatabase)
    return database._registered()


def test_what_another_commits_between_the_look_and_the_commit_is_left_out(
    ducklake: str, make_unit: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the lock of PostgreSQL keeps nobody out: the number of the snapshot does."""
    one, other = Store(ducklake), Store(ducklake)
    units = [make_unit([[("1", True)]], problem_id=f"p{n}") for n in range(3)]
    own = committer(one)
    needed, races = own._needed, [0]

    def lose(files: Any) -> Any:
        found = needed(files)
        if not races[0]:
            races[0] = 1
            other.publish([make_unit([[("2", False)]], problem_id="p1")])
        return found

    monkeypatch.setattr(ducklake_committer, "LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(own, "_needed", lose)
    one.publish(units)
    assert races == [1]
    found = one.query("SELECT problem_id, answer FROM trajectories ORDER BY ALL").rows
    assert found == [("p0", "1"), ("p1", "2"), ("p2", "1")]
    assert one.query("SELECT count(*) FROM raw.turns").rows == [(3,)]


def test_a_conflict_at_the_commit_itself_begins_anew_and_nothing_is_told(
    tmp_path: Path, ducklake: str, make_unit: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    one, other = Store(ducklake, waiting=said.append), Store(ducklake)
    own = committer(one)
    add, races = own._add, [0]

    def lose(files: Any, snapshot: int) -> bool:
        found = add(files, snapshot)
        if not races[0]:
            races[0] = 1
            other.publish([make_unit([[("2", False)]], problem_id="p1")])
        return found

    monkeypatch.setattr(ducklake_committer, "LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(own, "_add", lose)
    one.publish([make_unit([[("1", True)]], problem_id=f"p{n}") for n in range(2)])
    assert races == [1]
    assert one.query("SELECT problem_id, answer FROM trajectories ORDER BY ALL").rows == [("p0", "1"), ("p1", "2")]
    assert not said
    assert len(list((tmp_path / "lake" / "raw" / "turns").glob("*.parquet"))) == 2


class Losing:
    """A connection that ends after PostgreSQL has carried out a COMMIT, and before the answer comes."""

    def __init__(self, connection: Any) -> None:
        self._connection, self.lost = connection, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str) -> Any:
        found = self._connection.execute(sql)
        if sql == "COMMIT" and not self.lost:
            self.lost += 1
            raise duckdb.Error("server closed the connection unexpectedly")
        return found


@pytest.mark.parametrize("kind", ["units", "problems"])
def test_a_commit_whose_answer_is_lost_is_found(tmp_path: Path, ducklake: str, make_unit: Maker, kind: str) -> None:
    store = Store(ducklake)
    own = committer(store)
    own._connection = losing = Losing(own._connection)  # type: ignore[assignment]
    if kind == "units":
        store.publish([make_unit([[("1", True)]], problem_id="p0")])
    else:
        store.add([Problem("1?", "1", problem_id="p0")])
    assert losing.lost == 1
    table = "commits" if kind == "units" else "problems"
    assert store.query(f"SELECT problem_id FROM raw.{table}").rows == [("p0",)]
    assert store.query(f"SELECT count(*) FROM {'turns' if kind == 'units' else 'problems'}").rows == [(1,)]


def test_a_commit_that_is_carried_out_late_keeps_its_files(
    ducklake: str, make_unit: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process has asked in vain whether it is there, and meets it when it tries again."""
    store = Store(ducklake)
    own = committer(store)
    own._connection = Losing(own._connection)  # type: ignore[assignment]
    has, asked = own._has, list[bool]()

    def late(files: Any) -> bool:
        asked.append(has(files))
        return len(asked) > 1 and asked[-1]

    monkeypatch.setattr(own, "_has", late)
    store.publish([make_unit([[("1", True)]], problem_id="p0")])
    assert asked[0]
    assert store.query("SELECT count(*) FROM turns").rows == [(1,)]


def test_what_postgresql_refuses_ends_at_once_and_leaves_nothing(
    tmp_path: Path, ducklake: str, make_unit: Maker, postgres: Any
) -> None:
    store = Store(ducklake)
    store.publish([make_unit([[("1", True)]], problem_id="p0")])
    schema = ducklake.partition("metadata_schema=")[2].partition(" ")[0]
    postgres.sql(f"CREATE ROLE reader_{schema} LOGIN")
    postgres.sql(
        f"GRANT USAGE ON SCHEMA {schema} TO reader_{schema};"
        f" GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader_{schema}"
    )
    reader = Store(ducklake.replace("user=redraft", f"user=reader_{schema}"))
    assert reader.query("SELECT count(*) FROM trajectories").rows == [(1,)]
    before = sorted((tmp_path / "lake").rglob("*.parquet"))
    with pytest.raises(StoreError, match=r"permission denied for table ducklake_snapshot.*give the role") as raised:
        reader.publish([make_unit([[("secret", True)]], problem_id="p1")])
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)
    assert sorted((tmp_path / "lake").rglob("*.parquet")) == before
    assert store.publish([make_unit([[("1", True)]], problem_id="p1")]) == 1


def test_commits_of_one_number_get_others(ducklake: str, make_unit: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redraft.store.lake.segment_database.first_commit", lambda: 7 * LANES)
    one, other = Store(ducklake), Store(ducklake)
    one.publish([make_unit([[("1", True)]], problem_id=f"p{n}") for n in range(3)])
    other.publish([make_unit([[("2", True)], [("3", True)]], problem_id=f"q{n}") for n in range(2)])
    rows = one.query("SELECT problem_id, count(*) FROM trajectories GROUP BY ALL ORDER BY ALL").rows
    assert rows == [("p0", 1), ("p1", 1), ("p2", 1), ("q0", 2), ("q1", 2)]
    assert one.query("SELECT count(DISTINCT commit_id) FROM raw.commits").rows == [(5,)]


def test_attempts_are_known_after_their_snapshots_are_gone(ducklake: str, make_unit: Maker) -> None:
    one, other = Store(ducklake), Store(ducklake)
    one.publish([make_unit([[("1", True)]], problem_id="p0")])
    assert other.publish([make_unit([[("1", True)]], problem_id="p0")]) == 0
    for n in range(1, 4):
        one.publish([make_unit([[("1", True)]], problem_id=f"p{n}")])
    with committer(one)._connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ducklake_expire_snapshots('lake', older_than => now())")
    assert other.publish([make_unit([[("1", True)]], problem_id=f"p{n}") for n in range(5)]) == 1
    assert other.query("SELECT count(*) FROM raw.commits").rows == [(5,)]


def test_a_process_that_keeps_the_turn_holds_nobody_up_for_long(
    ducklake: str, make_unit: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ducklake_committer, "LOCK_TIMEOUT", "50ms")
    store, stopped = Store(ducklake), Store(ducklake)
    with committer(stopped)._turn():
        store.publish([make_unit([[("1", True)]])])
    assert store.query("SELECT count(*) FROM raw.commits").rows == [(1,)]
