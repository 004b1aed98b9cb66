"""Every attempt at a unit is in a folder store once, whoever commits it and whoever is killed meanwhile."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.store import Problem, Store
from redraft.store.lake.attempts import LANES
from redraft.store.lake.committer import Committer
from redraft.store.lake.folder import Folder
from redraft.store.lake.folder_database import FolderDatabase
from redraft.store.lake.log import Entry, Log
from redraft.store.lake.segments import finished
from redraft.store.unit import Unit

Maker = Callable[..., Unit]
SWARM = Path(__file__).with_name("swarm.py")


def swarm(*arguments: object) -> dict[str, Any]:
    result = subprocess.run([sys.executable, SWARM, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert not result.stderr
    return json.loads(result.stdout)


def assert_whole(folder: Path, units: int) -> None:
    """Asserts that each unit is there once, with all its rows, and that nothing else is left."""
    store = Store(folder)
    tables = ("commits", "steps", "turns", "grades")
    counts = store.query(f"SELECT {', '.join(f'(SELECT count(*) FROM raw.{table})' for table in tables)}").rows
    assert counts == [(units, 2 * units, 2 * units, 2 * units)]
    assert store.query("SELECT count(DISTINCT unit_id), count(DISTINCT commit_id) FROM raw.commits").rows == [
        (units, units)
    ]
    assert store.query(
        "SELECT count(*) FROM raw.turns JOIN raw.commits USING (commit_id) WHERE starts_with(trajectory_id, unit_id)"
    ).rows == [(2 * units,)]
    store.compact()
    state = Log(Folder(folder)).read()
    assert {segment.name for segment in finished(Folder(folder))} == set(state.live)
    assert store.query("SELECT count(*) FROM turns").rows == [(2 * units,)]


def test_a_process_may_be_killed_at_every_point_of_a_batch(tmp_path: Path) -> None:
    told = swarm("points", f"{tmp_path}/lake/", 1)
    assert told["killed"] > 10
    assert_whole(tmp_path / "lake", told["units"])


def test_processes_that_are_killed_at_random_instants_lose_and_repeat_nothing(tmp_path: Path) -> None:
    told = swarm("kills", f"{tmp_path}/lake/", 8, 1)
    assert told["failed"] == 0
    assert_whole(tmp_path / "lake", told["units"])


def test_four_committers_of_the_same_units_register_each_once(tmp_path: Path) -> None:
    told = swarm("race", f"{tmp_path}/lake/")
    assert told["failed"] == 0
    assert_whole(tmp_path / "lake", told["units"])


def left_over(store: Store, units: list[Unit], problems: list[Problem]) -> str:
    """Leaves a finished segment that nobody has registered, as a process does that is killed just then."""
    database = store._database
    assert isinstance(database, FolderDatabase)
    names: list[str] = []
    database.register = lambda segment: names.append(segment.name)  # type: ignore[method-assign]
    try:
        if units:
            store.publish(units)
        else:
            store.add(problems)
    finally:
        del database.register  # type: ignore[method-assign]
    return names[0]


def test_what_a_killed_process_finished_is_registered_by_the_next_that_writes(tmp_path: Path, make_unit: Maker) -> None:
    one, other = Store(f"{tmp_path}/lake/"), Store(f"{tmp_path}/lake/")
    one.add([Problem("1?", "1")])
    name = left_over(one, [make_unit([[("1", True)]], problem_id=f"p{n}") for n in range(2)], [])
    problems = left_over(one, [], [Problem("2?", "2")])
    assert other.query("SELECT count(*) FROM turns").rows == [(0,)]
    other.publish([make_unit([[("2", False)]], problem_id="p1")])
    assert other.query("SELECT problem_id, answer FROM trajectories ORDER BY ALL").rows == [("p0", "1"), ("p1", "1")]
    assert len(list(other.problems())) == 2
    state = Log(Folder(tmp_path / "lake")).read()
    assert {name, problems} <= state.live.keys()
    assert one.publish([make_unit([[("1", True)]], problem_id="p0")]) == 0


def test_of_a_segment_that_is_partly_registered_only_the_rest_is(tmp_path: Path, make_unit: Maker) -> None:
    one, other = Store(f"{tmp_path}/lake/"), Store(f"{tmp_path}/lake/")
    one.add([Problem("1?", "1")])
    name = left_over(one, [make_unit([[("1", True)]], problem_id=f"p{n}") for n in range(3)], [])
    other._database._swept = True  # type: ignore[attr-defined]
    other.publish([make_unit([[("2", False)]], problem_id="p1")])
    third = Store(tmp_path / "lake")
    third.publish([make_unit([[("3", True)]], problem_id="p9")])
    found = third.query("SELECT problem_id, answer FROM trajectories ORDER BY ALL").rows
    assert found == [("p0", "1"), ("p1", "2"), ("p2", "1"), ("p9", "3")]
    assert third.query("SELECT count(*) FROM raw.turns").rows == [(4,)]
    assert Log(Folder(tmp_path / "lake")).read().gone.keys() == {name}


def test_commits_of_one_number_get_others(tmp_path: Path, make_unit: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redraft.store.lake.segment_database.first_commit", lambda: 7 * LANES)
    one, other = Store(f"{tmp_path}/lake/"), Store(f"{tmp_path}/lake/")
    one.publish([make_unit([[("1", True)]], problem_id=f"p{n}") for n in range(3)])
    other.publish([make_unit([[("2", True)], [("3", True)]], problem_id=f"q{n}") for n in range(2)])
    rows = one.query("SELECT problem_id, count(*) FROM trajectories GROUP BY ALL ORDER BY ALL").rows
    assert rows == [("p0", 1), ("p1", 1), ("p2", 1), ("q0", 2), ("q1", 2)]
    numbers = one.query(
        "SELECT count(DISTINCT commit_id), count(*) FILTER (commit_id < 100 * 2048) FROM raw.commits"
    ).rows
    assert numbers == [(5, 3)]


def test_a_segment_that_was_taken_out_never_comes_back(tmp_path: Path, make_unit: Maker) -> None:
    """A process that slept while its segment was registered, merged and removed would put it once more."""
    store = Store(f"{tmp_path}/lake/")
    name = left_over(store, [], [Problem("2?", "2")])
    folder = Folder(tmp_path / "lake")
    [segment] = [one for one in finished(folder) if one.name == name]
    other = Store(tmp_path / "lake")
    other.add([Problem("3?", "3")])
    assert other.compact() == (2, 1)
    log = Log(folder)
    for _ in range(200):  # until the log has forgotten the name
        log.put(Entry(), log.read())
    assert name not in Log(folder).read().gone
    Committer(folder, Log(folder)).register(segment)
    assert len(list(store.problems())) == 2
    assert store.query("SELECT count(*) FROM raw.problems").rows == [(2,)]
