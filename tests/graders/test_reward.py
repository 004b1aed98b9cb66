"""Rewards of trainers: one number a completion, None if nobody can tell."""

import subprocess
import sys
from typing import Any

import pytest

from redraft.graders import GradeError, compute_score, reward


def said(text: object) -> list[dict[str, object]]:
    return [{"role": "assistant", "content": text}]


def test_texts_and_messages_are_graded_by_their_keys() -> None:
    completions = [
        "The answer is 7.",
        said("The answer is 8."),
        [*said("I ask the tool."), {"role": "tool", "content": "7"}, *said("The answer is \\boxed{1/2}.")],
        said([{"type": "text", "text": "The answer "}, {"type": "text", "text": "is 7."}]),
        said(None),
        [],
    ]
    keys = ["7", "7", "0.5", "7", "7", "7"]
    assert reward(completions, answer=keys, kind=["math"] * 6, prompts=[[]] * 6) == [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]


def test_other_kinds_are_graded_as_such() -> None:
    tests = "assert add(1, 2) == 3"
    program = "```python\ndef add(a, b):\n    return a + b\n```"
    completions = ["The answer is (B).", "So it is Paris.\nAnswer: Paris", program, program.replace("+", "-")]
    keys, kinds = ["B", "paris", tests, tests], ["choice", "text", "code", "code"]
    assert reward(completions, answer=keys, kind=kinds) == [1.0, 1.0, 1.0, 0.0]


def test_what_no_key_decides_is_none_and_never_zero() -> None:
    assert reward(["The answer is 7.", "The answer is 7."], answer=[None, float("nan")]) == [None, None]


def test_choices_of_the_data_set_are_used() -> None:
    choices = [["red", "blue"], ["red", "blue"]]
    assert reward(["The answer is blue.", "The answer is red."], answer=["B", "B"], choices=choices) == [1.0, 0.0]


def test_a_data_set_without_keys_is_told_the_export_that_has_them() -> None:
    with pytest.raises(GradeError, match="no column 'answer' among prompts, solution: train on the rows of `redraft"):
        reward(["7"], prompts=["?"], solution=["7"])
    with pytest.raises(GradeError, match="row 1: no kind 'poem' that a key decides"):
        reward(["7"], answer=["7"], kind=["poem"])


@pytest.mark.parametrize(
    ("completions", "answer", "says"),
    [
        (["#### 7"], ["7", "8"], "column 'answer' has 2 values for 1 completion: give one for each"),
        (["7", "8"], "789", "column 'answer' has 3 values for 2 completions"),
        (["7", None], ["7", "7"], "completion 2 is of type NoneType, and has to be a text or a list of messages"),
        ([7.0], ["7"], "completion 1 is of type float"),
        ([["#### 7"]], ["7"], "completion 1 is of type list, and has to be a text or a list of messages"),
        ([said(7)], ["7"], "the last reply of completion 1 is of type int, and has to be a text"),
    ],
)
def test_a_batch_that_does_not_fit_is_one_line(completions: Any, answer: Any, says: str) -> None:
    with pytest.raises(GradeError, match=says):
        reward(completions, answer=answer)


@pytest.mark.parametrize(
    ("reply", "key", "score"),
    [("The answer is 7.", "7", 1.0), ("The answer is 8.", "7", 0.0), ("Who knows?", "7", 0.0)],
)
def test_verl_gets_a_score(reply: str, key: str, score: float) -> None:
    told = compute_score(data_source="any", solution_str=reply, ground_truth=key, extra_info={"kind": "math"})
    assert told == {"score": score, "acc": score, "undecided": 0.0}


def test_verl_gets_the_number_that_was_set_for_what_is_undecided() -> None:
    assert compute_score("any", "The answer is 7.", None) == {"score": 0.0, "acc": 0.0, "undecided": 1.0}
    told = compute_score("any", "The answer is 7.", None, {"index": 3, "num_turns": None}, undecided=0.5, more=1)
    assert told == {"score": 0.5, "acc": 0.0, "undecided": 1.0}


def test_the_kind_is_read_from_the_row() -> None:
    assert compute_score("any", "The answer is (B).", "B", {"kind": "choice"})["score"] == 1.0


def test_a_trainer_that_imports_it_loads_no_algebra() -> None:
    modules = {"sympy", "litellm", "duckdb"}
    code = f"import sys; from redraft.graders import reward; sys.exit(bool({modules} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
