"""ProcessBench's rows: the first wrong step, and what comes after it."""

from typing import Any

import pytest

from redraft.flows.readers.process_bench import process_bench
from redraft.flows.readers.reader import Context, Dropped
from redraft.store.errors import SourceError
from redraft.store.trajectory import Verdict

CONTEXT = Context("process_bench", "u")
STEPS = ["There are 3.", "Then 4 more come.", "So it is \\boxed{8}."]


def row(**facts: Any) -> dict[str, Any]:
    known = {"id": "gsm8k-0", "generator": "Qwen2-7B-Instruct", "problem": "3 + 4?", "steps": STEPS}
    return {**known, "final_answer_correct": False, "label": 2, **facts}


@pytest.mark.parametrize(
    ("label", "values"),
    [(-1, (1.0, 1.0, 1.0)), (0, (0.0, None, None)), (1, (1.0, 0.0, None)), (2, (1.0, 1.0, 0.0))],
)
def test_steps_are_good_before_the_first_wrong_one_and_unrated_after_it(
    label: int, values: tuple[float | None, ...]
) -> None:
    found = process_bench(row(label=label), CONTEXT)
    [path], [grade] = found.paths, found.grades
    assert (path.text(), path.answer) == ("\n\n".join(STEPS), "8")
    assert (grade.grader, grade.steps, grade.verdict, grade.value) == ("human", values, Verdict.WRONG, 0.0)


def test_the_verdict_is_about_the_final_answer_alone() -> None:
    [grade] = process_bench(row(label=1, final_answer_correct=True), CONTEXT).grades
    assert (grade.verdict, grade.value, grade.steps) == (Verdict.RIGHT, 1.0, (1.0, 0.0, None))
    [grade] = process_bench(row(final_answer_correct=None), CONTEXT).grades
    assert (grade.verdict, grade.value) == (None, 0.0)


def test_a_row_without_steps_is_left_out() -> None:
    with pytest.raises(Dropped, match="no steps"):
        process_bench(row(steps=[], label=-1), CONTEXT)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (row(label=3), "label is 3, and has to be -1 or the number of one of 3 steps, from 0"),
        (row(label=True), "label is true or false, and has to be a whole number"),
        (row(label="2"), "label is '2', and has to be a whole number"),
        (row(steps=[None]), "steps[0] is null, and has to be a text"),
        (row(final_answer_correct=1), "final_answer_correct is a whole number, and has to be true or false"),
    ],
)
def test_another_kind_of_row_is_told_by_its_field(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError) as error:
        process_bench(given, CONTEXT)
    assert str(error.value) == message
