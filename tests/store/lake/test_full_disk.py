"""A full disk: what can't be written is told in one line and leaves nothing, and the same call goes on afterwards."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from redraft.store import Problem, Store
from redraft.store.errors import StoreError
from redraft.store.unit import Unit

Maker = Callable[..., Unit]


@contextmanager
def full(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(params=["folder", "ducklake"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return request.getfixturevalue("ducklake") if request.param == "ducklake" else f"{tmp_path}/lake/"


@pytest.mark.parametrize("size", [0, 100, 700, 2000])
def test_a_batch_is_there_whole_or_not_at_all(tmp_path: Path, name: str, make_unit: Maker, size: int) -> None:
    store = Store(name)
    store.add([Problem("1 + 1?", "2", problem_id="p0")])
    before = sorted((tmp_path / "lake").rglob("*.parquet"))
    units = [make_unit([[("1", True)], [("2", False)]], problem_id=f"p{n}") for n in range(20)]
    with full(size), pytest.raises(StoreError, match="free some space and run the same command again") as raised:
        store.publish(units)
    assert "\n" not in str(raised.value)
    assert store.query("SELECT count(*) FROM raw.turns").rows == [(0,)]
    assert sorted((tmp_path / "lake").rglob("*.parquet")) == before
    assert list((tmp_path / "lake").rglob(".*")) == []
    assert store.publish(units) == 20
    assert store.query("SELECT count(*), count(DISTINCT unit_id) FROM trajectories").rows == [(40, 20)]
