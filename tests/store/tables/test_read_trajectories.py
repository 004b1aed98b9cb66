"""What was published comes back: trajectories as their agent left them, calls as they were answered."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from redraft.store import Detail, Grade, Problem, Question, Role, Stop, Store, Trajectory, Verdict
from redraft.store.calls import Call
from redraft.store.tables.reading.trajectories import read_trajectories
from redraft.store.tables.rows.unit_rows import problem_row, unit_rows, utc
from redraft.store.unit import Unit

NOON = datetime(2026, 1, 2, 12, 0, 30, tzinfo=UTC)
PROBLEM = Problem("What?", "2", "p", meta={"tests": ["assert f(1)"]})
START = Trajectory(PROBLEM.ask("u"))


def ended(path: Trajectory, answer: str | None, stop: Stop | None = Stop.ANSWERED, **facts: object) -> Trajectory:
    return replace(path, answer=answer, stop=stop, **facts)


FIRST = START.grow("One. ", 0, tokens=2, logprob=-0.5, call_id="c").grow("Two.", 0, final=True, value=0.25, visits=3)
TRUNK = FIRST.steps[:1]
SAMPLES = (
    ended(ended(FIRST, "1", Stop.LENGTH).respond("Wrong.", "human").grow("Three.", 0), "2", chosen=True, score=0.5),
    ended(Trajectory(START.question, sample=1), None, Stop.FAILED, reason="it's down"),
    ended(Trajectory(START.question, TRUNK, 2).grow("Else.", 1), None, Stop.DEAD_END, oracle_used=True),
    ended(Trajectory(START.question, TRUNK, role=Role.SEARCH), None, None),
)
ROLLOUT = ended(Trajectory(START.question, TRUNK, role=Role.ROLLOUT).grow("So 2.", 1_000_000), "2")


def unit(*grades: Grade, paths: tuple[Trajectory, ...] = SAMPLES, name: str = "u", **facts: object) -> Unit:
    given = {"attempt": 1, "samples": 3, "status": "done", "calls": (), **facts}
    return Unit(
        name, "run", "r", "p", "", trajectories=paths, grades=grades, started_at=NOON, finished_at=NOON, **given
    )  # type: ignore[arg-type]


@pytest.fixture
def store() -> Store:
    return Store(":memory:")


def test_trajectories_come_back_whole_with_their_drafts_and_stops(store: Store) -> None:
    store.publish([unit()])
    found = read_trajectories(store, {"u": PROBLEM})
    assert found == {"u": {path.trajectory_id: path for path in SAMPLES}}
    assert list(found["u"]) == ["u/0", "u:0", "u:1", "u:2"], "by their samples"
    assert found["u"]["u:0"].stops == (Stop.LENGTH,)


def test_a_unit_without_trajectories_and_one_that_is_not_there_have_none(store: Store) -> None:
    store.publish([unit(paths=())])
    assert read_trajectories(store, {"u": PROBLEM, "v": PROBLEM}) == {"u": {}, "v": {}}
    assert read_trajectories(store, {}) == {}


def test_units_are_kept_apart_and_the_newest_attempt_counts(store: Store) -> None:
    other = ended(Trajectory(Question("q", "Why?", unit="v")).grow("So.", 0), "7")
    store.publish([unit(), unit(paths=(other,), name="v")])
    store.publish([unit(paths=SAMPLES[:1], attempt=2)])
    found = read_trajectories(store, {"v": Problem("Why?", problem_id="q"), "u": PROBLEM})
    assert found == {"v": {"v:0": other}, "u": {"u:0": SAMPLES[0]}}


def test_rollouts_of_grades_are_stored_beside_the_samples(store: Store) -> None:
    graded = replace(ROLLOUT, grades=(Grade("oracle", ROLLOUT.place, 1, 1.0, Verdict.RIGHT),))
    twice = (Grade("rollout", "u:0", 1, 1.0, rollouts=(graded,)), Grade("omegaprm", "u:0", 1, 1.0, rollouts=(graded,)))
    store.publish([unit(*twice, paths=SAMPLES[:1])])
    found = read_trajectories(store, {"u": PROBLEM})["u"]
    assert found == {"u:0": SAMPLES[0], ROLLOUT.place: ROLLOUT}
    assert store.query("SELECT trajectory_id, verdict FROM grades WHERE grader = 'oracle'").rows == [
        (ROLLOUT.place, "right")
    ]


def test_a_step_that_trajectories_share_is_one_row() -> None:
    rows = unit_rows(unit(), (), 7)
    assert [row[1] for row in rows["steps"]] == ["u/0", "u/0.0", "u/0.0.0", "u/0.0.0.0", "u/0.1"]
    assert {row[0] for table in rows.values() for row in table} == {7}


def test_drafts_are_rows_with_their_text_and_the_feedback_before_them() -> None:
    turns = [(*row[2:4], *row[14:19]) for row in unit_rows(unit(), (), 7)["turns"]]
    assert turns == [
        ("u:0", 1, "u/0.0", "One. Two.", "1", Stop.LENGTH, None),
        ("u:0", 2, "u/0.0.0.0", "Three.", "2", Stop.ANSWERED, "Wrong."),
        ("u:1", 1, None, "", None, Stop.FAILED, None),
        ("u:2", 1, "u/0.1", "One. Else.", None, Stop.DEAD_END, None),
        ("u/0", 1, "u/0", "One. ", None, None, None),
    ]


def test_a_grade_is_a_row_and_the_values_of_its_steps_another() -> None:
    grades = (Grade("prm", "u:0", 1, 0.5, steps=(0.9, None)), Grade("prm", "elsewhere", 1, 0.1, steps=(0.1,)))
    rows = unit_rows(unit(*grades), (), 7)
    assert [(*row[2:5], row[7], row[10], row[12]) for row in rows["grades"]] == [
        ("u:0", 1, None, "prm", 0.5, False), ("elsewhere", 1, None, "prm", 0.1, True),
    ]  # fmt: skip
    assert [row[2:] for row in rows["step_grades"]] == [
        ("u:0", 1, "u/0.0", 2, 1, "prm", None, None, [0.9, None], None, None, None, None, None, None)
    ]


def test_values_of_steps_with_a_review_between_them_are_two_rows(store: Store) -> None:
    start = Trajectory(PROBLEM.ask("u"), stop=Stop.ANSWERED).grow("One. ", 0)
    path = start.grow("Is that so? ", 0, by="review", turn=1).grow("Two. ", 0).grow("Three.", 0)
    details = tuple(Detail(n=number) for number in (4, 5, 6))
    judged = unit(Grade("rollout", "u:0", 1, 0.5, steps=(0.1, 0.2, 0.3), details=details), paths=(path,))
    store.publish([judged])
    sql = "SELECT step_id, value, n FROM grades WHERE step_id IS NOT NULL ORDER BY value"
    assert store.query(sql).rows == [("u/0", 0.1, 4), ("u/0.0.0", 0.2, 5), ("u/0.0.0.0", 0.3, 6)]
    assert store.query("SELECT steps, judged_steps FROM first_errors").rows == [(3, 3)]


def test_a_judged_trajectory_of_another_unit_leaves_its_grades_alone() -> None:
    judging = unit(Grade("prm", "u:0", 2, 0.5, steps=(0.5,)), paths=(), judged=SAMPLES[:1], name="w")
    rows = unit_rows(judging, (), 7)
    assert (rows["steps"], rows["turns"]) == ([], [])
    assert [(row[2], row[12]) for row in rows["grades"]] == [("u:0", True)]
    assert [row[2:6] for row in rows["step_grades"]] == [("u:0", 2, "u/0.0.0.0", 4)]


def test_calls_come_back_of_every_attempt_in_the_order_they_were_published(
    store: Store, make_call: Callable[..., Call]
) -> None:
    first = make_call("u", 0, failed_tries={}, answered_at=0.5, cost_usd=0.0, finish_reason="stop")
    second, third = make_call("u", 1, params={}, error="gone"), make_call("u", 2, attempts=3)
    store.publish([unit(calls=((first, [{"text": "é"}]), (second, [])))])
    store.publish([unit(calls=((third, [{"text": "b"}]),), attempt=2)])
    assert store.calls(["u"]) == [(first, [{"text": "é"}]), (second, []),
                                  (third, [{"text": "b"}])]  # fmt: skip
    assert store.calls(["none"]) == store.calls([]) == []


def test_times_are_utc_texts() -> None:
    assert utc(datetime.fromisoformat("2026-01-02T03:04:05+02:00")) == "2026-01-02 01:04:05"
    assert abs((datetime.fromisoformat(utc()) - datetime.now(UTC).replace(tzinfo=None)).total_seconds()) < 60
    assert problem_row(PROBLEM, "now")[-2:] == ('{"tests": ["assert f(1)"]}', "now")
