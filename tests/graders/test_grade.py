"""`grade` and `grade_all`, as reward functions call them: from threads, forks and event loops, on any rows."""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from typing import Any

import pytest

from redraft.graders import Checker, Graded, GradeError, grade, grade_all
from redraft.store import RedraftError
from redraft.store.trajectory import Verdict

ALGEBRA = ("So it is \\boxed{(x+1)^2}.", "x^2+2x+1")
"""A reply and its key that only a process can compare."""


@pytest.mark.parametrize(
    ("reply", "answer", "kind", "extracted", "verdict"),
    [
        ("The answer is 7.", "7", "math", "7", "right"),
        ("The answer is 7.", 7, "math", "7", "right"),
        ("The answer is 0.5.", 0.5, "math", "0.5", "right"),
        (*ALGEBRA, "math", "(x+1)^2", "right"),
        ("The answer is 8.", "7", "math", "8", "wrong"),
        ("I do not know", "7", "math", None, "wrong"),
        (None, "7", "math", None, "wrong"),
        ("The answer is 7.", None, "math", "7", "undecided"),
        ("The answer is (b).", "B", "choice", "B", "right"),
        ("The answer is Paris.", "paris", "text", "Paris", "right"),
        ("```python\ndef f(x):\n    return x\n```", "assert f(1) == 1", "code", "def f(x):\n    return x", "right"),
        ("def f(x):\n    return x", ["assert f(1) == 1", "assert f(2) == 1"], "code", None, "wrong"),
    ],
)
def test_a_reply_gets_a_verdict(reply: str | None, answer: Any, kind: str, extracted: str | None, verdict: str) -> None:
    found = grade(reply, answer, kind)
    assert found.verdict == verdict
    assert found.value == {"right": 1.0, "wrong": 0.0, "undecided": None}[verdict]
    if kind != "code" or extracted:
        assert found.extracted == extracted


@pytest.mark.parametrize("answer", ["B", "b", "1", 1, "Paris"])
def test_the_key_of_a_choice_is_its_letter_number_or_text(answer: str | int) -> None:
    choices = ("London", "Paris")
    assert grade("The answer is (B).", answer, choices=choices) == Graded("B", Verdict.RIGHT)
    assert grade("The answer is (A).", answer, choices=choices).verdict == "wrong"
    assert grade("The answer is Paris.", answer, choices={"A": "London", "B": "Paris"}) == Graded("B", Verdict.RIGHT)


def test_the_text_of_a_choice_that_is_given_twice_names_none() -> None:
    assert grade("The answer is seven.", "A", choices=["seven", "seven"]).extracted is None


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"answer": "7"}, "no column 'reply' among answer"),
        ({"reply": "7"}, "no column 'answer' among reply"),
        ({"reply": ["7"], "answer": "7"}, "the reply is of type list"),
        ({"reply": "7", "answer": ["7"]}, "the answer is of type list"),
        ({"reply": "7", "answer": "7", "kind": "maths"}, "no kind 'maths'"),
        (
            {"reply": "7", "answer": "7", "kind": "rubric"},
            "no kind 'rubric' that a key decides; there are math, choice",
        ),
        ({"reply": "A", "answer": "Rome", "choices": ["London", "Paris"]}, "'Rome' is none of the choices A, B"),
        ({"reply": "x = 1", "answer": "assert (", "kind": "code"}, "the tests are no Python"),
    ],
)
def test_a_row_that_cannot_be_graded_is_named_after_the_grades_before_it(row: dict[str, Any], says: str) -> None:
    rows = [{"reply": ALGEBRA[0], "answer": ALGEBRA[1]}, {"reply": "8", "answer": "7"}, row]
    graded = grade_all(rows)
    assert [next(graded).verdict, next(graded).verdict] == ["right", "wrong"]
    with pytest.raises(GradeError, match=rf"^row 3: .*{says}"):
        next(graded)


def test_one_reply_that_cannot_be_graded_is_an_error_of_the_user() -> None:
    with pytest.raises(RedraftError, match=r"^no kind 'maths' that a key decides"):
        grade("7", "7", "maths")


def test_grades_come_in_the_order_of_the_rows_whatever_takes_long() -> None:
    rows = [{"reply": ALGEBRA[0], "answer": ALGEBRA[1] if n % 3 else "7"} if n % 2 else _plain(n) for n in range(300)]
    expected = ["right" if (n % 3 if n % 2 else n != 4) else "wrong" for n in range(300)]
    assert [graded.verdict for graded in grade_all(rows)] == expected


def test_rows_without_end_are_graded_as_they_come() -> None:
    taken = count()

    def endless() -> Iterator[dict[str, Any]]:
        for number in taken:
            yield _plain(number) if number % 5 else {"reply": ALGEBRA[0], "answer": f"{number}+x"}

    assert len(list(islice(grade_all(endless()), 1500))) == 1500
    assert next(taken) <= 1500 + 512 + 1


def test_threads_share_the_processes() -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: grade(ALGEBRA[0], f"x^2+2x+{n % 2}").verdict, range(64)))
    assert found == ["wrong", "right"] * 32


async def test_inside_a_running_loop_it_may_be_called_and_awaited() -> None:
    assert grade(ALGEBRA[0], "2x+1+x^2").verdict == "right"
    assert (await asyncio.to_thread(grade, ALGEBRA[0], "1+x^2+2x")).verdict == "right"


def test_a_fork_has_processes_of_its_own_and_leaves_its_parent_his() -> None:
    """Trainers fork their workers: a child that used its parent's pipes would read the parent's replies."""
    assert grade(*ALGEBRA).verdict == "right"
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            found = grade(ALGEBRA[0], f"x^2+2x+1+{number}").verdict
            os._exit({"right": 10, "wrong": 11, "undecided": 12}[found])
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [10, 11, 11]
    assert grade(ALGEBRA[0], "1+2x+x^2").verdict == "right"


def test_a_checker_brings_its_own_limits() -> None:
    checker = Checker(limit_s=0.2, workers=1)
    found = grade("\\boxed{9^{9^{9^9}}+x}", "9^{9^{9^8}}+x", checker=checker)
    assert found.verdict != "right"
    asyncio.run(checker.close())


def _plain(number: int) -> dict[str, Any]:
    return {"reply": f"The answer is {number if number != 4 else 5}.", "answer": number, "id": number}


def test_a_key_that_is_no_value_is_undecided() -> None:
    (graded,) = grade_all([{"reply": "The answer is 3.", "answer": float("nan")}])
    assert graded.verdict == "undecided"


def test_rows_of_other_types_are_told() -> None:
    with pytest.raises(GradeError, match="a row is of type str: it has to be"):
        list(grade_all(["The answer is 3."]))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("reply", ["7", "8", ""])
def test_a_grade_has_no_truth_since_a_wrong_one_would_be_true(reply: str) -> None:
    found = grade(reply, "7")
    with pytest.raises(TypeError, match=r"ask grade\(\.\.\.\)\.verdict == 'right'"):
        bool(found)
