"""The unit of work: its ids, and the grades that fit its drafts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from redraft.store import Grade, Problem, Question, Trajectory, Unit
from redraft.store.calls import Call, call_key
from redraft.store.problems import Kind
from redraft.store.unit import key_hash, unit_id

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SHORT = some.text(max_size=3)


@given(some.lists(some.tuples(SHORT, SHORT, SHORT), min_size=2, max_size=2, unique=True))
def test_no_two_units_share_an_id(units: list[tuple[str, str, str]]) -> None:
    first, second = (unit_id(*unit) for unit in units)
    assert first != second
    assert len(first) == 16


def test_the_key_of_a_problem_is_its_answer_and_its_kind() -> None:
    problem = Problem("2 + 2?", "4", source="a", level=1)
    assert key_hash(problem) == key_hash(replace(problem, question="Two and two?", source="b", level=2, split="test"))
    others = [replace(problem, answer=None), replace(problem, answer=""), replace(problem, kind=Kind.TEXT)]
    assert len({key_hash(each) for each in (problem, *others)}) == 4


def test_a_repeated_call_is_another_by_its_latency_or_its_error(make_call: Callable[..., Call]) -> None:
    failed = make_call(error="timeout", latency_ms=5.0)
    keys = [failed, make_call(latency_ms=5.0), make_call(error="timeout", latency_ms=6.0), make_call("v")]
    assert len({call_key(each) for each in keys}) == 4
    assert call_key(make_call(error="timeout", latency_ms=5.0, attempts=3)) == call_key(failed)


@dataclass
class Drawn:
    """Two drafts of one trajectory: the first has two steps, the second has one."""

    path: Trajectory

    def unit(self, *grades: Grade, judged: bool = False) -> Unit:
        paths = (self.path,)
        return Unit(
            "u", "run", "r", "p", "", 1, 1, "done", () if judged else paths, grades, (), NOW, NOW,
            judged=paths if judged else (),
        )  # fmt: skip


@pytest.fixture
def drawn() -> Drawn:
    path = Trajectory(Question("p", "What?", unit="u")).grow("One.", 0).grow("Two.", 0)
    return Drawn(path.respond("No.", "self").grow("Three.", 0))


@pytest.mark.parametrize(("turn", "values"), [(1, (0.1, None)), (2, (0.5,)), (1, ()), (2, ())])
@pytest.mark.parametrize("judged", [False, True])
def test_a_grade_has_a_value_a_step_or_none(drawn: Drawn, turn: int, values: tuple, *, judged: bool) -> None:
    grade = Grade("prm", "u:0", turn, 0.5, steps=values)
    assert drawn.unit(grade, judged=judged).grades == (grade,)


@pytest.mark.parametrize(("turn", "values", "steps"), [(1, (0.1,), 2), (2, (0.1, 0.2), 1), (3, (0.1,), 0)])
@pytest.mark.parametrize("judged", [False, True])
def test_too_few_or_too_many_values_are_refused(
    drawn: Drawn, turn: int, values: tuple, steps: int, *, judged: bool
) -> None:
    with pytest.raises(ValueError, match=f"grader 'prm' gave {len(values)} step values for turn {turn} of u:0, which"
                       f" has {steps} steps: give one a step, or none"):  # fmt: skip
        drawn.unit(Grade("prm", "u:0", turn, 0.5, steps=values), judged=judged)


def test_a_grade_of_a_trajectory_that_is_elsewhere_is_not_compared(drawn: Drawn) -> None:
    assert drawn.unit(Grade("prm", "u:7", 1, 0.5, steps=(1.0,) * 9)).status == "done"
