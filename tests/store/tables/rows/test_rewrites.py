"""Rewrites in the store: published with their unit, their problems and the answers to these, all or none."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from msgspec.structs import replace

from redraft.store import Problem, Question, Store, Trajectory
from redraft.store.tables.schema.migrations import SCHEMA, _run
from redraft.store.trajectory import Stop
from redraft.store.unit import Rewrite, Unit, answers_id

NEW = Problem("What is 4 * 3?", "12", "new", source="tests", parent_id="p", augmentation="rephrase")


def drafted(unit: str, problem_id: str) -> Trajectory:
    asked = Question(problem_id, "What?", unit=unit)
    return replace(Trajectory(asked).grow("It is 12.", 0, tokens=3, final=True), answer="12", stop=Stop.ANSWERED)


@pytest.fixture
def unit(make_unit: Callable[..., Unit]) -> Unit:
    """A unit with a rewrite that was accepted, one that was refused, and a reason without a question."""
    made = make_unit([], problem_id="p")
    accepted = Rewrite(
        "rephrase", NEW.question, "12", problem=NEW, answers=1, agreed=1,
        drafts=(drafted(answers_id(made.unit_id, 0), "new"),),
    )  # fmt: skip
    refused = Rewrite("rephrase", "What is 5 * 3?", "12", "other answer: 0 of 2 samples give 12", answers=2)
    return replace(made, rewrites=(accepted, refused, Rewrite("rephrase", refused="no number to hide")))


def test_a_unit_brings_its_rewrites_its_problems_and_their_answers(store: Store, unit: Unit) -> None:
    store.publish([unit])
    told = "SELECT number, parent_id, problem_id, question, accepted, refused, confidence FROM rewrites ORDER BY number"
    assert store.query(told).rows == [
        (0, "p", "new", "What is 4 * 3?", True, None, 1.0),
        (1, "p", None, "What is 5 * 3?", False, "other answer: 0 of 2 samples give 12", 0.0),
        (2, "p", None, None, False, "no number to hide", None),
    ]
    assert list(store.problems(ids=["new"])) == [NEW]
    assert store.query("SELECT problem_id, answer FROM samples").rows == [("new", "12")]
    assert store.query("SELECT parents, rewrites, accepted, acceptance FROM augmentations").rows == [(1, 2, 1, 0.5)]


def test_a_unit_that_is_published_twice_counts_once(store: Store, unit: Unit) -> None:
    store.publish([unit])
    store.publish([unit])
    assert store.query("SELECT count(*) FROM raw.rewrites").rows == [(3,)]
    assert store.query("SELECT count(*) FROM raw.problems").rows == [(1,)]


def test_the_highest_attempt_counts(store: Store, unit: Unit) -> None:
    store.publish([unit])
    store.publish([replace(unit, attempt=2, rewrites=unit.rewrites[:1])])
    assert store.query("SELECT count(*) FROM raw.rewrites").rows == [(4,)]
    assert store.query("SELECT number FROM rewrites").rows == [(0,)]
    assert store.query("SELECT count(*) FROM samples").rows == [(1,)]


def test_a_refused_rewrite_has_no_unit_of_answers(unit: Unit) -> None:
    [answered] = unit.answered()
    assert (answered.problem_id, answered.samples, answered.rewrites) == ("new", 1, ())
    assert answered.unit_id == answers_id(unit.unit_id, 0) != unit.unit_id


def test_a_store_of_schema_12_gets_the_new_tables_and_keeps_its_rows(
    tmp_path: Path, make_unit: Callable[..., Unit], unit: Unit
) -> None:
    path = tmp_path / "before.duckdb"
    with duckdb.connect(str(path)) as connection:
        for name in SCHEMA[12]:
            _run(connection, name)
        connection.execute("INSERT INTO raw.migrations VALUES (12, 'tables.sql', now()::TIMESTAMP)")
        connection.execute(
            "INSERT INTO raw.problems (problem_id, question, kind, meta) VALUES ('p', 'Q', 'math', '{}')"
        )
    store = Store(path)
    assert store.query("SELECT number FROM raw.migrations ORDER BY ALL").rows == [(number,) for number in SCHEMA]
    assert store.query("SELECT problem_id FROM problems").rows == [("p",)]
    store.publish([unit])
    assert store.query("SELECT count(*) FROM rewrites").rows == [(3,)]
