"""Wrong attempts at a story: each of the three mistakes, and how a wrong value is carried on."""

import random
import re
from collections import defaultdict

import pytest

from redraft.store.sources.wordproblems import attempt
from redraft.store.sources.wordproblems.attempts import Attempt, Error
from redraft.store.sources.wordproblems.story import Equation, Story

NUMBERS = (6, 4, 10, 7)
SIGNS = "*-/"
STORY = Story(  # 6 * 4 = 24, 24 - 10 = 14, 14 / 7 = 2
    "farm",
    2,
    NUMBERS,
    (
        Equation(("n", 0), "*", ("n", 1), "First {e}."),
        Equation(("s", 0), "-", ("n", 2), "Then {e}."),
        Equation(("s", 1), "/", ("n", 3), "Last {e}."),
    ),
    (),
    (),
    (0,),
)
EQUATION = re.compile(r"(\d+)([-+*/])(\d+)=(\d+)")


@pytest.fixture(scope="module")
def attempts() -> list[Attempt]:
    rng = random.Random(0)
    return [attempt(STORY, rng) for _ in range(600)]


def parts(line: str) -> tuple[int, str, int, int]:
    found = EQUATION.search(line)
    assert found
    return int(found[1]), found[2], int(found[3]), int(found[4])


def test_every_mistake_is_made_at_every_step(attempts: list[Attempt]) -> None:
    made = {(wrong.error, wrong.first_wrong) for wrong in attempts}
    assert made == {(error, step) for error in Error for step in range(3)}


def test_a_slip_leaves_the_equation_and_misses_the_result_by_a_little(attempts: list[Attempt]) -> None:
    missed: defaultdict[int, set[int]] = defaultdict(set)
    for wrong in attempts:
        if wrong.error is Error.SLIP:
            left, sign, right, result = parts(wrong.lines[wrong.first_wrong])
            assert (left, sign, right) == [(6, "*", 4), (24, "-", 10), (14, "/", 7)][wrong.first_wrong]
            missed[wrong.first_wrong].add(result - STORY.results[wrong.first_wrong])
    # 14 + 1 and 14 + 2 lead to the right answer again, (14 + 1) // 7 = 2, so they are no wrong attempts; a result up
    # to 10 is one too many
    assert missed == {0: {-10, -2, -1, 10}, 1: {-10, -2, -1, 10}, 2: {1}}


def test_another_operand_is_a_number_of_the_question_in_one_place(attempts: list[Attempt]) -> None:
    for wrong in attempts:
        if wrong.error is Error.OPERAND:
            left, sign, right, _ = parts(wrong.lines[wrong.first_wrong])
            due = parts(STORY.lines()[wrong.first_wrong])
            assert sign == due[1]
            assert (left != due[0]) + (right != due[2]) == 1
            assert (left if left != due[0] else right) in NUMBERS


def test_another_sign_leaves_the_operands(attempts: list[Attempt]) -> None:
    for wrong in attempts:
        if wrong.error is Error.SIGN:
            left, sign, right, _ = parts(wrong.lines[wrong.first_wrong])
            due = parts(STORY.lines()[wrong.first_wrong])
            assert (left, right) == (due[0], due[2])
            assert sign in set("+-*") - {due[1]}


def test_a_wrong_value_is_carried_on_and_a_quotient_is_rounded_down(attempts: list[Attempt]) -> None:
    rounded = 0
    for wrong in attempts:
        results = [parts(line)[3] for line in wrong.lines]
        assert wrong.answer == results[-1] != STORY.answer
        assert wrong.text == "\n".join([*wrong.lines, f"#### {results[-1]}"])
        for step in range(wrong.first_wrong + 1, 3):
            left, sign, right, result = parts(wrong.lines[step])
            assert (left, sign, right) == (results[step - 1], SIGNS[step], NUMBERS[step + 1])
            assert result == {"-": left - right, "/": left // right}[sign]
            rounded += sign == "/" and left % right > 0
    assert rounded > 50


def test_the_same_draws_make_the_same_attempt() -> None:
    first, again = (attempt(STORY, random.Random(7)) for _ in range(2))
    assert first == again
