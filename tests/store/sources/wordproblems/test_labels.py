"""The labels of a draft's lines, beside the solution of the generator."""

import random
from itertools import islice

import pytest

from redraft.store.sources.wordproblems import attempt, stories
from redraft.store.sources.wordproblems.labels import Label, labels

SOLUTION = "The hats cost 5*9=45 dollars.\nWith the coat it is 45+12=57 dollars.\n#### 57"


@pytest.mark.parametrize(
    ("draft", "wanted"),
    [
        (SOLUTION, [Label(True)] * 3),
        ("So 9*5=45.\nThen 12+45=57.\n#### 57", [Label(True)] * 3),
        ("So 5*9=46.\nThen 46+12=58.\n#### 58", [Label(False, 8), Label(False), Label(False)]),
        ("So 5*9=45.\nThen 45-12=33.\n#### 33", [Label(True), Label(False, 7), Label(False)]),
        ("So 5*9=45.\n#### 45", [Label(True), Label(False, 7)]),
        ("So 5*9=45.\nThen 45+12=57.\n#### 56", [Label(True), Label(True), Label(False, 6)]),
        (f"{SOLUTION}\nAnd 1+1=2.", [*[Label(True)] * 3, Label(False, 0)]),
        ("So 5*9=45.\nThen 45+12=57.\n#### 571", [Label(True), Label(True), Label(False, 7)]),
    ],
)
def test_a_line_is_right_where_it_works_out_that_of_the_solution(draft: str, wanted: list[Label]) -> None:
    assert labels(SOLUTION, draft.split("\n")) == wanted


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_the_generator_says_the_same_of_its_own_attempts(level: int) -> None:
    rng = random.Random(level)
    for story in islice(stories(rng, level), 60):
        lines = story.solution.split("\n")
        assert labels(story.solution, lines) == [Label(True)] * len(lines)
        wrong = attempt(story, rng)
        found = labels(story.solution, wrong.text.split("\n"))
        assert tuple(label.right for label in found) == (*wrong.labels, False)
        at = found[wrong.first_wrong].wrong_at
        assert at is not None
        assert wrong.lines[wrong.first_wrong][:at] == lines[wrong.first_wrong][:at]
