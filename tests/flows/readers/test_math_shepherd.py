"""Math-Shepherd's rows: the question, its steps and their signs, and the rows that are left out."""

from typing import Any

import pytest

from redraft.flows.readers.math_shepherd import math_shepherd
from redraft.flows.readers.reader import Context, Dropped
from redraft.store.errors import SourceError

CONTEXT = Context("math_shepherd", "u")
QUESTION = "How many pens? "
STEPS = ("Step 1: 3 + 4 = 7 ", "\nStep 2: The answer is: 7 ")


def row(signs: str = "++", steps: tuple[str, ...] = STEPS, **facts: Any) -> dict[str, Any]:
    label = "".join(f"{step}{sign}" for step, sign in zip(steps, signs, strict=True))
    return {"input": QUESTION + "".join(f"{step}ки" for step in steps), "label": QUESTION + label, **facts}


@pytest.mark.parametrize(
    ("signs", "values", "value"),
    [("++", (1.0, 1.0), 1.0), ("+-", (1.0, 0.0), 0.0), ("-+", (0.0, 1.0), 0.0), ("--", (0.0, 0.0), 0.0)],
)
def test_each_step_has_the_value_of_its_sign(signs: str, values: tuple[float, ...], value: float) -> None:
    found = math_shepherd(row(signs, task="GSM8K"), CONTEXT)
    [path], [grade] = found.paths, found.grades
    assert [step.text for step in path.steps] == ["Step 1: 3 + 4 = 7\n", "Step 2: The answer is: 7"]
    assert (grade.steps, grade.value, grade.grader, grade.grader_model) == (values, value, "rollout", "math-shepherd")
    assert (found.problem.question, found.problem.answer, path.answer) == ("How many pens?", None, "7")
    assert found.problem.meta == {"task": "GSM8K"}


def test_a_solution_may_have_one_step_and_space_after_its_tag() -> None:
    single = row("-", STEPS[:1])
    found = math_shepherd({**single, "input": single["input"] + " \n"}, CONTEXT)
    assert [step.text for step in found.paths[0].steps] == ["Step 1: 3 + 4 = 7"]
    assert found.grades[0].steps == (0.0,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (row(steps=("3 + 4 = 7 ", STEPS[1])), "not exactly one 'Step 1:'"),
        (row(steps=(STEPS[0], "\nStep 1: again ")), "not exactly one 'Step 1:'"),
        (row(steps=(STEPS[0], "\nThe answer is: 7 ")), "a step without its number"),
        ({**row(), "input": QUESTION + STEPS[0]}, "no tag at the end of a step"),
        ({**row(), "input": row()["input"] + " So"}, "no tag at the end of a step"),
        ({**row(), "label": row()["label"].replace("+", "?")}, "the labels do not stand where the tags do"),
        ({**row(), "label": row()["label"][:-1]}, "the labels do not stand where the tags do"),
        ({**row(), "label": "x" + row()["label"]}, "the labels do not stand where the tags do"),
    ],
)
def test_a_row_whose_form_is_not_plain_is_left_out_with_the_reason(given: dict[str, Any], message: str) -> None:
    with pytest.raises(Dropped) as dropped:
        math_shepherd(given, CONTEXT)
    assert str(dropped.value) == message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "no field 'input' among none, which has to be a text"),
        ({"input": "x"}, "no field 'label' among input, which has to be a text"),
        ({"input": "x", "label": None}, "no field 'label' among input, label, which has to be a text"),
        ({"input": 3, "label": "x"}, "input is a whole number, and has to be a text"),
    ],
)
def test_another_kind_of_row_is_a_mistake(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError) as error:
        math_shepherd(given, CONTEXT)
    assert str(error.value) == message
