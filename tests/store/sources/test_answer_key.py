"""Files of problems whose key is no single answer."""

import json
from pathlib import Path

import pytest

from redraft.graders.programs.unit_tests import passes
from redraft.store.errors import SourceError
from redraft.store.problems import Kind, Problem
from redraft.store.sources.reader import read
from redraft.store.trajectory import Verdict

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


def one(folder: Path, **row: object) -> Problem:
    """The problem of a file of one row."""
    (folder / "some.jsonl").write_text(json.dumps(row))
    [problem] = read(folder / "some.jsonl")
    return problem


def test_tests_are_the_key_and_the_visible_ones_stand_below_the_question(tmp_path: Path) -> None:
    problem = one(
        tmp_path,
        question="Write f.",
        tests="assert f(1) == 1\nfor n in range(3):\n    assert f(n) == n\n",
        visible_tests=["assert f(1) == 1"],
        canonical_solution="def f(n):\n    return n",
    )
    assert problem.kind is Kind.CODE
    assert problem.question == "Write f.\n\nIt has to pass these tests:\nassert f(1) == 1"
    assert problem.answer == "assert f(1) == 1\nfor n in range(3):\n    assert f(n) == n"
    assert problem.meta == {"solution": "def f(n):\n    return n", "tests": ["assert f(1) == 1"]}
    asked = problem.ask("u")
    assert (asked.tests, asked.kind) == (("assert f(1) == 1",), Kind.CODE)
    assert "range" not in repr(asked)


def test_humaneval_and_mbpp_are_read(tmp_path: Path) -> None:
    check = "def check(candidate):\n    assert candidate(1) == 1"
    human = one(tmp_path, prompt="def f(n):", test=check, entry_point="f")
    assert (human.kind, human.answer) == (Kind.CODE, f"{check}\ncheck(f)")
    mbpp = one(tmp_path, question="Write f.", test_list=["assert f(1) == 1", "assert f(2) == 2"])
    assert (mbpp.kind, mbpp.answer) == (Kind.CODE, "assert f(1) == 1\nassert f(2) == 2")


@pytest.mark.parametrize(
    ("question", "tests", "below"),
    [
        ("Write a function that doubles.", ["assert twice(2) == 4", "assert twice(3) == 6"],
         "The function is called `twice` and takes 1 argument."),
        ("Write it.", ["assert math.isclose(area(1, 2), 2.0)", "assert set(area(1, 3)) == set((3,))"],
         "The function is called `area` and takes 2 arguments."),
        ("Write it.", ["assert f(1) == 1", "assert f(1, 2) == 3", "assert not f(*[1])"],
         "The function is called `f`."),
        ("Write it.", ["assert f(x=1) == 1", "assert g() == 3"],
         "The function is called `f`.\nThe function is called `g` and takes 0 arguments."),
        ("Write it.", ["def near(a, b):\n    return a == b", "assert near(f(1), 1)"],
         "The function is called `f` and takes 1 argument."),
        ("Write it.", ["for n in range(3):\n    assert [f(m) for m in range(n)] == []"],
         "The function is called `f` and takes 1 argument."),
        ("Write f.", ["assert f(1) == 1"], None),
        ("Write the class Pair.", ["pair = Pair(1, 2)", "assert pair.sum() == 3"], None),
    ],
)  # fmt: skip
def test_a_question_that_does_not_name_its_function_is_told_the_name(
    question: str, tests: list[str], below: str | None, tmp_path: Path
) -> None:
    """No program could pass without the name. What the function returns stays hidden."""
    problem = one(tmp_path, question=question, test_list=tests)
    assert problem.question == (f"{question}\n\n{below}" if below else question)


def test_visible_tests_name_the_function_themselves(tmp_path: Path) -> None:
    problem = one(tmp_path, question="Write it.", visible_tests=["assert f(1) == 1"], tests=["assert f(2) == 2"])
    assert problem.question == "Write it.\n\nIt has to pass these tests:\nassert f(1) == 1"


async def test_what_the_tests_of_mbpp_need_comes_before_them(tmp_path: Path) -> None:
    code = "def g(x):\n  return x"
    needs = {"test_imports": ["import math", "import re"], "test_setup_code": "half = math.pi / 2"}
    problem = one(tmp_path, prompt="Write g.", code=code, test_list=["assert g(math.pi) == 2 * half"], **needs)
    assert problem.answer == "import math\nimport re\nhalf = math.pi / 2\nassert g(math.pi) == 2 * half"
    assert (await passes(problem.answer, code)).verdict is Verdict.RIGHT
    assert (await passes(problem.answer, "def g(x):\n  return 2 * x")).verdict is Verdict.WRONG
    assert one(tmp_path, question="1+1?", answer=2, test_imports=["import math"], test_list=[]).kind is Kind.MATH
    seen = one(tmp_path, question="Write g.", visible_tests="assert g(1) == 1", tests="assert g(2) == 2", **needs)
    assert seen.meta["tests"][:2] == ["import math", "import re"]


def test_a_program_keeps_the_indentation_of_its_first_line(tmp_path: Path) -> None:
    check = "def check(candidate):\n    assert candidate(1) == 1"
    solution = "\n    if n:\n        return 1\n    return n\n\n"
    human = one(tmp_path, prompt="def f(n):", test=check, entry_point="f", canonical_solution=solution)
    assert human.meta["solution"] == "    if n:\n        return 1\n    return n"


def test_a_rubric_is_the_key_with_a_good_answer_after_it(tmp_path: Path) -> None:
    problem = one(tmp_path, question="Greet.", rubric=["It greets.", "It is short."], answer="Hi.")
    assert (problem.kind, problem.question) == (Kind.RUBRIC, "Greet.")
    assert problem.answer == "1. It greets.\n2. It is short.\n\nA good answer:\nHi."
    assert problem.meta == {"solution": "Hi."}
    assert one(tmp_path, question="Greet.", rubric="It greets.").answer == "It greets."


def test_a_named_kind_counts_before_the_columns(tmp_path: Path) -> None:
    assert one(tmp_path, question="1+1?", answer="2", tests="x", kind="math").answer == "2"
    assert one(tmp_path, question="Write f.", kind="code").answer is None
    assert one(tmp_path, question="1+1?", answer="2", test="a").kind is Kind.MATH


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"tests": "assert f("}, "the tests are no Python ('(' was never closed, line 1 of them)"),
        ({"tests": "assert " + "-" * 50_000 + "1"}, "the tests are no Python (nested too deeply)"),
        ({"tests": "assert x" + ".a" * 50_000}, "the tests are no Python (maximum recursion depth exceeded during"),
        ({"tests": ["f(1)"]}, "the tests assert nothing: write them as assert name(arguments) == value"),
        ({"tests": 3}, "tests is neither a text nor a list of texts"),
        ({"rubric": [1]}, "rubric is neither a text nor a list of texts"),
        ({"kind": "essay"}, "no kind 'essay'; there are math, choice, text, code, rubric"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, row: dict[str, object], error: str) -> None:
    with pytest.raises(SourceError) as raised:
        one(tmp_path, question="Q?", **row)
    assert f"line 1: {error}" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", ["choice", "code", "rubric"])
def test_each_example_has_ten_problems_of_its_kind(kind: str) -> None:
    problems = list(read(EXAMPLES / f"{kind}.jsonl"))
    assert [problem.kind for problem in problems] == [Kind(kind)] * 10
    assert all(problem.answer for problem in problems)
