"""The drafts of a trajectory: each in its state at the end of its turn, and which of them stand as answers."""

import pytest
from msgspec.structs import replace

from redraft.agents.correction.drafts import answered_drafts, cut_to_turn, with_role
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Role, Stop, Trajectory

QUESTION = Question("p", "How much?", unit="u")


def grade(turn: int) -> Grade:
    return Grade("oracle", "u:0", turn, value=float(turn))


def corrected(*answers: str | None, stops: tuple[Stop, ...] = (), **facts: object) -> Trajectory:
    """A trajectory with a draft for each answer, and a grade of each draft."""
    ends = (*stops, *[Stop.ANSWERED] * (len(answers) - len(stops)))
    trajectory = Trajectory(QUESTION)
    for turn, (answer, stop) in enumerate(zip(answers, ends, strict=True), start=1):
        trajectory = trajectory.respond("Again.", "none") if turn > 1 else trajectory
        trajectory = replace(trajectory.grow(f"draft {turn}", 0), answer=answer, stop=stop)
        trajectory = replace(trajectory, grades=(*trajectory.grades, grade(turn)))
    return replace(trajectory, **facts)


def test_a_trajectory_is_cut_to_the_state_at_the_end_of_a_turn() -> None:
    whole = corrected("1", "2", "3", stops=(Stop.LENGTH,), reason="done", sample=4)
    first, second = cut_to_turn(whole, 1), cut_to_turn(whole, 2)
    assert (first.text(), first.answer, first.answers, first.stop, first.stops) == ("draft 1", "1", (), Stop.LENGTH, ())
    assert (second.text(), second.answer, second.answers, second.stop) == ("draft 2", "2", ("1",), Stop.ANSWERED)
    assert (second.stops, second.grades) == ((Stop.LENGTH,), (grade(1), grade(2)))
    assert [(draft.turn, draft.sample, draft.reason) for draft in (first, second)] == [(1, 4, None), (2, 4, None)]
    assert cut_to_turn(whole, 3) is whole


def test_a_cut_trajectory_is_the_one_that_was_corrected() -> None:
    assert cut_to_turn(corrected("1", "2", "3"), 2) == corrected("1", "2")


@pytest.mark.parametrize(
    ("trajectory", "drafts"),
    [
        (corrected("1", "2"), [("1", Stop.ANSWERED), ("2", Stop.ANSWERED)]),
        (corrected(None, "2"), [("2", Stop.ANSWERED)]),
        (corrected("1", None), [("1", Stop.ANSWERED)]),
        (corrected("1", "2", stops=(Stop.ANSWERED, Stop.BUDGET)), [("1", Stop.ANSWERED), ("2", Stop.ANSWERED)]),
        (corrected("1", stops=(Stop.THRESHOLD,)), [("1", Stop.THRESHOLD)]),
        (corrected("1").respond("Again.", "none"), [("1", Stop.ANSWERED)]),
        (Trajectory(QUESTION, stop=Stop.FAILED), []),
        (Trajectory(QUESTION, answer="1"), []),  # nobody wrote a draft
    ],
)
def test_the_drafts_with_an_answer_stand_whatever_came_later(
    trajectory: Trajectory, drafts: list[tuple[str, Stop]]
) -> None:
    assert [(draft.answer, draft.stop) for draft in answered_drafts(trajectory)] == drafts


def test_a_draft_before_a_failure_keeps_no_reason_of_it() -> None:
    failed = corrected("1", "2", stops=(Stop.ANSWERED, Stop.FAILED), reason="The line is dead.")
    assert [draft.reason for draft in answered_drafts(failed)] == [None, None]


def test_another_role_is_another_id_for_the_grades_too() -> None:
    trajectory = corrected("1", "2", chosen=True)
    searched = with_role(trajectory, Role.SEARCH, 3)
    assert (searched.trajectory_id, searched.sample, searched.chosen) == ("u/0.0.0", 3, False)
    assert [one.trajectory_id for one in searched.grades] == ["u/0.0.0", "u/0.0.0"]
    back = with_role(searched, Role.SAMPLE, 0)
    assert back == replace(trajectory, chosen=False)
