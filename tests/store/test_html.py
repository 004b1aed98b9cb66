"""What a notebook shows of trajectories and tables, read as a browser reads it."""

import math
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec.structs import replace

from redraft.store import html
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Role, Stop, Trajectory, Verdict

QUESTION = Question("p", "Is 1 < 2 & 2 > 1?", unit="u")


class Reader(HTMLParser):
    """Collects texts, and checks that each element is closed in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.opened: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(page: str) -> list[str]:
    """The texts of a page, without the spaces between elements."""
    reader = Reader()
    reader.feed(page)
    assert not reader.opened
    return [text.strip() for text in reader.texts if text.strip()]


def drawn(answer: str | None = "3", sample: int = 0, **facts: object) -> Trajectory:
    grown = Trajectory(QUESTION, sample=sample).grow("1 + 2 <= 3\n", sample, tokens=4, logprob=4 * math.log(0.5))
    return replace(grown, answer=answer, stop=Stop.ANSWERED, **facts)


def colours(page: str) -> list[int]:
    """The hue of each coloured step: 0 is red and 120 green."""
    return [int(hue) for hue in re.findall(r"hsla\((\d+),", page)]


def test_a_single_draft_is_its_question_its_steps_and_its_answer() -> None:
    assert read(html.trajectory(drawn())) == ["Is 1 < 2 & 2 > 1?", "1 + 2 <= 3", "50%", "→ 3", html.SCALE]


def test_drafts_are_numbered_with_the_feedback_between_them() -> None:
    path = drawn("4").respond("Look <again>.", "human").grow("It is 3.", 0, value=0.25)
    path = replace(path, stop=Stop.FAILED, reason="no <network>")
    assert read(html.trajectory(path)) == [
        "Is 1 < 2 & 2 > 1?", "draft 1", "1 + 2 <= 3", "50%", "→ 4", "feedback (human)", "Look <again>.", "draft 2",
        "It is 3.", "25%", "→ no answer", "failed: no <network>", html.SCALE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "words"), [(Verdict.RIGHT, "✓ right"), (Verdict.WRONG, "✗ wrong"), (Verdict.UNDECIDED, "? undecided")]
)
def test_the_oracles_verdict_is_a_badge_and_other_graders_give_numbers(verdict: Verdict, words: str) -> None:
    grades = (Grade("oracle", "u:0", 1, 1.0, verdict), Grade("prm", "u:0", 1, 0.12345), Grade("orm", "u:0", 1, 2e-5))
    texts = read(html.trajectory(drawn(grades=grades)))
    assert texts[3:-1] == ["→ 3", words, "prm 0.123", "·", "orm 2e-05"]


def test_a_grade_of_one_step_or_of_another_draft_is_none_of_the_draft() -> None:
    grades = (Grade("prm", "u:0", 2, 0.5), Grade("human", "u:0", 1, 0.0, step_id="u/0"), Grade("judge", "u:0", 1, None))
    assert read(html.trajectory(drawn(grades=grades)))[3:-1] == ["→ 3"]


@pytest.mark.parametrize(
    ("facts", "graded", "hue"),
    [
        ({"value": 0.0}, None, 0),
        ({"value": 1.0}, 0.0, 120),  # the search's value comes before a grader's
        ({}, 0.75, 90),
        ({"logprob": -4.0, "tokens": 2}, 0.25, 30),
        ({"logprob": 2 * math.log(0.5), "tokens": 2}, None, 60),  # one half a token
        ({"value": math.log(0.25)}, None, 30),  # a value below 0 is a log-probability
        ({"value": 7.0}, None, 120),
        ({"value": math.nan}, None, None),
        ({"logprob": -1.0, "tokens": 0}, None, None),
        ({}, None, None),
    ],
)
def test_the_colour_of_a_step(facts: dict[str, Any], graded: float | None, hue: int | None) -> None:
    grown = Trajectory(QUESTION).grow("So.", 0, **facts)
    grades = () if graded is None else (Grade("prm", "u:0", 1, graded, steps=(graded,)),)
    assert colours(html.trajectory(replace(grown, grades=grades))) == ([] if hue is None else [hue])


def test_step_values_that_fit_no_draft_are_not_shown() -> None:
    grown = Trajectory(QUESTION).grow("So.", 0)
    two = Grade("prm", "u:0", 1, 0.5, steps=(0.5, 0.5))
    assert colours(html.trajectory(replace(grown, grades=(two,)))) == []


def test_trajectories_are_lines_of_which_the_first_is_open() -> None:
    paths = [drawn(chosen=True), drawn("4", 1, role=Role.SEARCH), drawn("5", 2).respond("No.", "self")]
    page = html.trajectories(paths)
    assert [bool(opened) for opened in re.findall(r"<details( open)?", page)] == [True, False, False]
    assert re.findall(r"<summary[^>]*><b>(.*?)</b>", page.replace("1. ", "").replace("2. ", "").replace("3. ", "")) == [
        "→ 3", "→ 4", "→ no answer",
    ]  # fmt: skip
    texts = read(page)
    assert [text for text in texts if "tokens" in text] == [
        "1 step, 4 tokens", "1 step, 4 tokens, search", "2 steps, 4 tokens, 2 drafts",
    ]  # fmt: skip
    assert texts.count("★ chosen") == 1
    assert texts.count(QUESTION.text) == 1


def test_of_many_trajectories_and_rows_the_rest_are_counted() -> None:
    page = html.trajectories([drawn(sample=number) for number in range(1203)], most=2)
    assert page.count("<details") == 2
    assert "and 1,201 more" in read(page)
    assert read(html.trajectories([])) == ["no trajectories"]
    rows = [[number] for number in range(5)]
    assert read(html.table(rows, most=3)) == ["0", "1", "2", "and 2 more rows"]
    assert "more" not in html.table(rows, most=5)


def test_a_table_has_numbers_at_the_right_and_nothing_for_none() -> None:
    page = html.table([["a<b", 1.5, True, None]], head=["name & such", "n", "yes", "none"], caption="<Title>")
    assert read(page) == ["<Title>", "name & such", "n", "yes", "none", "a<b", "1.5", "True"]
    cells = re.findall(r"<td style=\"[^\"]*text-align:(\w+)(;font-weight:600)?\">([^<]*)<", page)
    assert cells == [
        ("left", ";font-weight:600", "a&lt;b"), ("right", "", "1.5"), ("left", "", "True"), ("left", "", ""),
    ]  # fmt: skip
    assert "<thead" not in html.table([[1]])


def test_a_bar_is_as_long_as_its_share_and_notes_are_lines() -> None:
    page = html.bar(1 / 3, "1 of 3 <done>", html.RED)
    assert "width:33.3%" in page
    assert html.RED.format(a=".8") in page
    assert read(page) == ["1 of 3 <done>"]
    assert read(html.notes(["a & b", "c"])) == ["a & b", "c"]
    assert html.notes([]) == ""
