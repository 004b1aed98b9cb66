"""OpenR1-Math's rows: several generations, and the verdicts on each."""

from typing import Any

import pytest

from redraft.flows.readers.openr1 import openr1
from redraft.flows.readers.reader import Context, Dropped
from redraft.store.errors import SourceError
from redraft.store.trajectory import Stop, Verdict

CONTEXT = Context("openr1", "u")
THOUGHT = "<think>\nIs it \\boxed{8}?\n\nNo.\n</think>\n\nIt is $\\boxed{7}$."


def row(**facts: Any) -> dict[str, Any]:
    return {
        "problem": "What is $3 + 4$?",
        "solution": "It is 7.",
        "answer": "7",
        "problem_type": "Algebra",
        "uuid": "x",
        "is_reasoning_complete": [True, False],
        "generations": [THOUGHT, "<think>\nIs it \\boxed{9}"],
        "correctness_math_verify": [True, False],
        "correctness_llama": None,
        "finish_reasons": ["stop", "length"],
        **facts,
    }


def test_each_generation_is_a_draft_with_its_verdicts() -> None:
    found = openr1(row(correctness_llama=[None, False]), CONTEXT)
    assert (found.problem.answer, found.problem.meta) == ("7", {"solution": "It is 7."})
    whole, cut = found.paths
    assert (whole.trajectory_id, whole.text(), whole.answer, whole.stop) == ("u:0", THOUGHT, "7", Stop.ANSWERED)
    assert (cut.trajectory_id, cut.answer, cut.stop) == ("u:1", None, Stop.LENGTH)
    assert len({step.step_id for path in found.paths for step in path.steps}) == 2
    told = [(grade.trajectory_id, grade.grader, grade.grader_model, grade.verdict) for grade in found.grades]
    assert told == [
        ("u:0", "math_verify", None, Verdict.RIGHT),
        ("u:1", "math_verify", None, Verdict.WRONG),
        ("u:1", "judge", "Llama-3.3-70B-Instruct", Verdict.WRONG),
    ]


def test_without_finish_reasons_and_verdicts_the_drafts_are_kept() -> None:
    bare = {"problem": "3 + 4?", "generations": ["It is 7."], "answer": "proof"}
    found = openr1(bare, CONTEXT)
    assert (found.problem.answer, found.paths[0].answer, found.grades) == (None, "7", [])


def test_a_row_without_generations_is_left_out() -> None:
    with pytest.raises(Dropped, match="no generations"):
        openr1(row(generations=[]), CONTEXT)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (row(correctness_math_verify=[True]), "correctness_math_verify has 1 value for 2 generations"),
        (row(generations=["a", 7]), "generations[1] is a whole number, and has to be a text"),
        (row(generations="a"), "generations is 'a', and has to be a list"),
        (row(problem=None), "which has to be a text"),
        (row(finish_reasons=["stop", 1]), "finish_reasons[1] is a whole number, and has to be a text"),
        (row(correctness_llama=[1, None]), "correctness_llama[0] is a whole number, and has to be true or false"),
        ({"messages": []}, "no field 'generations' among messages, which has to be a list"),
    ],
)
def test_another_kind_of_row_is_told_by_its_field(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError) as error:
        openr1(given, CONTEXT)
    assert str(error.value).endswith(message)
