"""Copies of stores: the same rows in every view, nothing overwritten, and all of it or nothing."""

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from redraft.flows.cli.main import cli
from redraft.store import Problem, Store
from redraft.store.errors import StoreError

Fill = Callable[[Store], None]
EVERYTHING = ("commit_id", "run_id", "dataset_id", "published_at", "added_at")


def test_a_copy_and_its_copy_back_have_the_same_rows_in_every_view(
    tmp_path: Path, fill: Fill, compare: Callable[..., None]
) -> None:
    store = Store(tmp_path / "one.duckdb")
    fill(store)
    copied = store.copy(f"{tmp_path}/two/")
    assert copied["commits"] == 4
    assert Store(tmp_path / "two").copy(tmp_path / "three.duckdb") == copied
    for name in ("two", "three.duckdb"):
        compare(store, Store(tmp_path / name), EVERYTHING)
    assert sorted(os.listdir(tmp_path)) == ["one.duckdb", "three.duckdb", "two"]


def test_a_copy_goes_on_as_a_store_of_its_own(tmp_path: Path, make_unit: Callable[..., object]) -> None:
    store = Store(tmp_path / "one.duckdb")
    store.publish([make_unit([[("1", True)]], problem_id="p0")])  # type: ignore[list-item]
    store.copy(f"{tmp_path}/two/")
    store.copy(f"{tmp_path}/three/")
    units = [make_unit([[("1", True)]], problem_id=f"p{n}") for n in range(2)]
    two = Store(tmp_path / "two")
    assert two.publish(units) == 1  # type: ignore[arg-type]
    two.copy(tmp_path / "four.duckdb")
    four = Store(tmp_path / "four.duckdb")
    assert four.publish(units) == 0  # type: ignore[arg-type]
    assert four.publish([make_unit([[("1", True)]], problem_id="p5")]) == 1  # type: ignore[list-item]
    [(commits, numbers)] = four.query("SELECT count(*), count(DISTINCT commit_id) FROM raw.commits").rows
    assert (commits, numbers) == (3, 3)
    assert four.query("SELECT max(commit_id) = arg_max(commit_id, published_at) FROM raw.commits").rows == [(True,)]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    store = Store(tmp_path / "one.duckdb")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    for name, says in (
        ("one.duckdb", r"one.duckdb exists: name another"),
        ("full/", r"full is a folder that is not empty"),
        ("full", r"full is a folder that is not empty"),
        ("no/two.duckdb", r"there is no folder .*no'"),
    ):
        with pytest.raises(StoreError, match=says):
            store.copy(f"{tmp_path}/{name}")
    (tmp_path / "empty").mkdir()
    assert store.copy(tmp_path / "empty") == {}
    assert Store(tmp_path / "empty", create=False).query("FROM runs").rows == []


@pytest.mark.parametrize("target", ["two/", "two.duckdb"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, target: str) -> None:
    source = Store(f"{tmp_path}/one/")
    source.add([Problem(f"What is {n} times {n * n}, in words?" * 9, str(n)) for n in range(9000)])
    Store(f"{tmp_path}/warm/").copy(tmp_path / "warm.duckdb")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(StoreError, match="free some space"):
            source.copy(f"{tmp_path}/{target}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(os.listdir(tmp_path)) == ["one", "warm", "warm.duckdb"]
    source.copy(f"{tmp_path}/{target}")
    assert Store(f"{tmp_path}/{target}").query("SELECT count(*) FROM problems").rows == [(9000,)]


def test_the_commands_copy_and_compact(tmp_path: Path) -> None:
    store = Store(f"{tmp_path}/one/")
    for n in range(3):
        store.add([Problem(f"{n}?", str(n))])
    run = CliRunner().invoke
    result = run(cli, ["store", "compact", f"{tmp_path}/one"])
    assert result.output == f"{tmp_path}/one: 3 segments before, 1 segment now\n"
    result = run(cli, ["store", "copy", f"{tmp_path}/one", f"{tmp_path}/two.duckdb"])
    assert result.output == f"{tmp_path}/two.duckdb: 3 problems (3 rows)\n"
    assert (
        run(cli, ["query", "--db", f"{tmp_path}/two.duckdb", "--csv", "SELECT count(*) FROM problems"]).exit_code == 0
    )
    with pytest.raises(StoreError, match="is one file, which has no segments: there is nothing to merge"):
        Store(tmp_path / "two.duckdb").compact()
