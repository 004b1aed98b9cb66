"""A person's judgement: how a draft is shown, and which judgements fit it."""

from typing import Any

import pytest

from redraft.agents.human_label import DraftView, Judgement, judgement_from_json


def test_a_draft_is_shown_with_numbered_steps_and_its_answer() -> None:
    view = DraftView("How much?", 1, ("First\n\n  we add.\n\n", "#### 4"), "4")
    assert str(view) == "How much?\n\n  1  First\n       we add.\n  2  #### 4\n\n  → 4"


def test_numbers_of_two_digits_stand_under_each_other() -> None:
    lines = str(DraftView("How much?", 1, tuple(f"s{n}\nt" for n in range(1, 11)), None)).splitlines()
    assert lines[2:4] == ["   1  s1", "      t"]
    assert lines[-4:] == ["  10  s10", "      t", "", "  → no answer"]


def test_a_draft_without_steps_has_a_question_and_no_answer() -> None:
    assert str(DraftView("How much?", 1, (), None)) == "How much?\n\n\n  → no answer"


@pytest.mark.parametrize(
    ("given", "judgement"),
    [
        ("right", Judgement("right")),
        ({"verdict": "wrong"}, Judgement("wrong")),
        ({"verdict": "wrong", "first_wrong_step": 3}, Judgement("wrong", 3)),
        ({"verdict": "wrong", "first_wrong_step": None, "remark": " Why? "}, Judgement("wrong", None, "Why?")),
        ({"verdict": "right", "remark": "  "}, Judgement("right")),
    ],
)  # fmt: skip
def test_a_judgement_is_a_verdict_or_an_object(given: Any, judgement: Judgement) -> None:
    assert judgement_from_json(given, 3) == judgement


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("skip", "verdict 'skip' is none of right, wrong"),
        ("Right", "verdict 'Right' is none of right, wrong"),
        (None, "verdict None is none of right, wrong"),
        ({}, "verdict None is none of right, wrong"),
        ({"verdict": ["right"]}, "verdict ['right'] is none of right, wrong"),
        ({"verdict": "right", "why": "x"}, "no field 'why'; there are verdict, first_wrong_step and remark"),
        ({"verdict": "wrong", "remark": 3}, "remark 3 is no text"),
    ],
)  # fmt: skip
def test_a_judgement_that_does_not_fit_is_one_line(given: Any, message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole message is compared
        judgement_from_json(given, 3)
    assert str(error.value) == message


@pytest.mark.parametrize("step", [0, 4, -1, True, 1.0, "1"])
def test_the_first_wrong_step_is_a_step_of_the_draft(step: Any) -> None:
    with pytest.raises(
        ValueError, match=rf"^first_wrong_step={step!r} is no step of this draft, whose steps are 1 to 3$"
    ):
        judgement_from_json({"verdict": "wrong", "first_wrong_step": step}, 3)


def test_a_right_draft_has_no_wrong_step() -> None:
    with pytest.raises(ValueError, match=r"^first_wrong_step=1 of a draft that is right: say wrong, or leave it out$"):
        judgement_from_json({"verdict": "right", "first_wrong_step": 1}, 3)


def test_a_verdict_may_be_skipped_where_that_is_offered() -> None:
    assert judgement_from_json("skip", 3, ("right", "wrong", "skip")) == Judgement("skip")
