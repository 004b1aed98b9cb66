"""Problems in and out of a DuckDB connection."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from redraft.store import Problem, Store
from redraft.store.errors import StoreError
from redraft.store.problems import Kind
from redraft.store.tables.stage_store import opened

ODD = Problem(
    "It's\n\u2028 odd: é", "\\frac{1}{2}", "b/2", "b", "test", Kind.TEXT, 3, "sums", "a/1", "rephrase",
    {"solution": "a 'b'", "tests": ["assert True"], "n": 1.5},
)  # fmt: skip
PLAIN = Problem("1 + 1?", problem_id="a/1", source="a")
OTHER = Problem("1 + 2?", "3", "b/1", "b", "train")


def filled() -> Store:
    store = Store(":memory:")
    assert store.add([ODD, PLAIN, OTHER]) == 3
    return store


@pytest.fixture
def store() -> Store:
    return filled()


@pytest.fixture(scope="module")
def read_store() -> Store:
    """A store that no test writes to."""
    return filled()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [PLAIN, OTHER, ODD]),
        ({"source": "b"}, [OTHER, ODD]),
        ({"source": "b", "split": "test"}, [ODD]),
        ({"split": "it's none"}, []),
        ({"ids": []}, []),
        ({"ids": ["b/2", "none", "a/1"]}, [PLAIN, ODD]),
        ({"ids": ["b/2", "a/1"], "source": "a"}, [PLAIN]),
        ({"limit": 2}, [PLAIN, OTHER]),
        ({"limit": 0}, []),
        ({"limit": 9, "source": "b"}, [OTHER, ODD]),
    ],
)
def test_problems_are_found_by_all_that_is_given(read_store: Store, wanted: dict, found: list[Problem]) -> None:
    assert list(read_store.problems(**wanted)) == found


def test_what_is_given_twice_at_once_is_one_problem_as_it_was_given_last(store: Store) -> None:
    new = Problem("New?", "1", "c/1", "c")
    assert store.add([new, replace(new, answer="2"), PLAIN]) == 1
    assert list(store.problems(source="c")) == [replace(new, answer="2")]
    assert store.add([]) == 0


@pytest.mark.parametrize(
    "change", [{"answer": "4"}, {"answer": None}, {"level": 2}, {"subject": "s"}, {"split": "dev"}]
)
def test_a_corrected_fact_makes_a_newer_version(store: Store, change: dict) -> None:
    assert store.add([replace(OTHER, **change)]) == 0
    assert list(store.problems(ids=["b/1"])) == [replace(OTHER, **change)]


def test_another_question_refuses_all_that_came_with_it(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        store.add([Problem("New?", problem_id="c/1"), replace(OTHER, question="1 + 3?")])
    assert str(caught.value) == (
        "problem 'b/1' is in the store with another question: give the new one another id, or keep it in another store"
    )
    assert list(store.problems(ids=["c/1"])) == []


async def fail(db: Path | Store, use: Callable[[Store], object]) -> None:
    """A stage that fails after it has used its store."""
    async with opened(db) as store:
        use(store)
        raise ZeroDivisionError


async def test_a_store_of_ones_own_is_handed_on(store: Store) -> None:
    async with opened(store) as same:
        assert same is store
    with pytest.raises(ZeroDivisionError):
        await fail(store, lambda store: None)
    assert list(store.problems(ids=["a/1"])) == [PLAIN]


@pytest.mark.parametrize(("before", "left"), [("nothing", False), ("a store", True)])
async def test_a_stage_that_fails_leaves_no_empty_store_of_its_own(tmp_path: Path, before: str, left: bool) -> None:
    path = tmp_path / "a.duckdb"
    if before == "a store":
        Store(path).close()
    with pytest.raises(ZeroDivisionError):
        await fail(path, lambda store: store.add([PLAIN]))
    assert path.exists() == left


async def test_a_stage_that_fails_leaves_what_it_collected(tmp_path: Path, make_unit: Callable) -> None:
    path = tmp_path / "a.duckdb"
    with pytest.raises(ZeroDivisionError):
        await fail(path, lambda store: store.publish([make_unit([[("1", True)]])]))
    assert Store(path).query("SELECT count(*) FROM trajectories").rows == [(1,)]


async def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none\.duckdb"):
        async with opened(tmp_path / "none.duckdb", create=False):
            pass
    assert list(tmp_path.iterdir()) == []
