"""Which problems exports have used: noted once, when an export is recorded, and later what was not noted then."""

from collections.abc import Callable
from pathlib import Path

import pytest

from redraft.store import Problem, Store
from redraft.store.digest import question_key
from redraft.store.errors import StoreError
from redraft.store.tables import store as store_module
from redraft.store.tables.runs import DatasetRow, new_id
from redraft.store.unit import Unit

Maker = Callable[..., Unit]
QUESTIONS = {"a": "What is 1 + 1?", "b": "What is 2 + 2?", "c": "What is 3 + 3?"}


@pytest.fixture(params=["redraft.duckdb", "folder/"])
def store(request: pytest.FixtureRequest, tmp_path: Path, make_unit: Maker) -> Store:
    """Problems a, b and c with a trajectory each, and a fourth one from which c was made; a file and a folder."""
    made = Store(f"{tmp_path}/{request.param}")
    problems = [
        Problem(text, "2", problem_id=name, parent_id="d" if name == "c" else None) for name, text in QUESTIONS.items()
    ]
    made.add([*problems, Problem("The first one?", problem_id="d")])
    made.publish([make_unit([[("1", True)]], problem_id=name) for name in QUESTIONS])
    return made


def rows(store: Store, problem_id: str) -> list[DatasetRow]:
    """A row of a problem's trajectory, and one that was dropped."""
    [[kept]] = store.query(f"SELECT trajectory_id FROM trajectories WHERE problem_id = '{problem_id}'").rows
    [[dropped]] = store.query("SELECT trajectory_id FROM trajectories WHERE problem_id = 'b'").rows
    return [DatasetRow(0, kept), DatasetRow(None, dropped, dropped_because="wrong answer")]


def noted(store: Store) -> int:
    return store.query("SELECT count(*) FROM raw.exported").rows[0][0]


def test_an_export_notes_its_problems_and_what_they_were_made_from(store: Store) -> None:
    assert store.exported() == []
    first = store.add_dataset("sft", {}, rows(store, "a"))
    second = store.add_dataset("sft", {}, rows(store, "c"))
    expected = [
        ("a", question_key(QUESTIONS["a"]), first),
        ("c", question_key(QUESTIONS["c"]), second),
        ("d", question_key("the first  ONE?"), second),
    ]
    assert noted(store) == len(expected) + 2
    assert store.exported() == expected


def test_a_problem_is_noted_once_however_often_it_is_exported(store: Store) -> None:
    first = store.add_dataset("sft", {}, rows(store, "a"))
    for _ in range(3):
        store.add_dataset("value", {}, rows(store, "a"))
    assert noted(store) == 1 + 4
    assert [(problem_id, dataset) for problem_id, _, dataset in store.exported()] == [("a", first)]


def test_a_filter_run_is_no_export(store: Store) -> None:
    store.add_dataset("trajectories", {}, rows(store, "a"))
    assert store.exported() == []


def test_an_export_that_was_killed_before_it_noted_is_noted_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(batch: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "add_exported", full)
        dataset = store.add_dataset("sft", {}, rows(store, "a"))
    assert noted(store) == 0
    assert [(problem_id, dataset) for problem_id, _, dataset in store.exported()] == [("a", dataset)]
    assert noted(store) == 2


def test_exports_of_an_older_redraft_are_noted(store: Store) -> None:
    """An older redraft wrote no notes; folders keep its segments as they are."""
    with store.dataset_of({"found": "SELECT trajectory_id FROM trajectories WHERE problem_id <> 'b'"}) as dataset:
        dataset.record(new_id(), "sft", {}, "SELECT 0, trajectory_id, NULL, NULL FROM found")
    kept = Store(store.path)
    assert [problem_id for problem_id, _, _ in kept.exported()] == ["a", "c", "d"]


def test_a_dataset_of_statements_is_all_or_nothing(store: Store) -> None:
    def fail() -> None:
        with store.dataset_of({"found": "SELECT 1 AS one"}) as dataset:
            assert list(dataset.rows("SELECT one + 1 FROM found")) == [(2,)]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.query("SELECT count(*) FROM datasets").rows == [(0,)]
