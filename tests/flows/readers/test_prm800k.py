"""PRM800K's rows: the chosen solution, the other completions, and where labelling stopped."""

from typing import Any

import pytest

from redraft.flows.readers.prm800k import prm800k
from redraft.flows.readers.reader import Context, Dropped
from redraft.store.errors import SourceError
from redraft.store.trajectory import Role, Stop

CONTEXT = Context("prm800k", "u")


def step(*completions: tuple[str, int | None], chosen: int | None = 0, human: Any = None) -> dict[str, Any]:
    listed = [{"text": text, "rating": rating} for text, rating in completions]
    return {"completions": listed or None, "human_completion": human, "chosen_completion": chosen}


def row(*steps: dict[str, Any], finish: str = "solution", **asked: Any) -> dict[str, Any]:
    question = {"problem": "3 + 4?", "ground_truth_answer": "7", **asked}
    return {"labeler": "ann", "question": question, "label": {"steps": list(steps), "finish_reason": finish}}


def read(given: dict[str, Any]) -> list[tuple[str, Stop | None, tuple[float | None, ...]]]:
    """Each trajectory's text, its stop, and its steps' values."""
    found = prm800k(given, CONTEXT)
    assert {path.role for path in found.paths} == {Role.SEARCH}
    assert len({path.trajectory_id for path in found.paths}) == len(found.paths)
    assert {(grade.grader, grade.grader_model) for grade in found.grades} == {("human", "ann")}
    assert [grade.trajectory_id for grade in found.grades] == [path.trajectory_id for path in found.paths]
    return [(path.text(), path.stop, grade.steps) for path, grade in zip(found.paths, found.grades, strict=True)]


def test_the_other_completions_of_each_step_end_trajectories_of_their_own() -> None:
    given = row(step(("A", -1), ("B", 1), ("C", 0), chosen=1), step(("D", 1), ("E", None)))
    assert read(given) == [
        ("B\nD", Stop.ANSWERED, (1.0, 1.0)),
        ("A\n", None, (0.0,)),
        ("C\n", None, (1.0,)),
        ("B\nE\n", None, (1.0, None)),
    ]


@pytest.mark.parametrize("human", ["I add.", {"text": "I add.", "rating": None}])
def test_a_step_by_the_labeller_is_chosen_and_unrated(human: Any) -> None:
    given = row(step(("A", -1), chosen=None, human=human), step(("# Answer\n\n7", 1)))
    assert read(given) == [
        ("I add.\n# Answer\n\n7", Stop.ANSWERED, (None, 1.0)),
        ("A\n", None, (0.0,)),
    ]


def test_the_last_step_that_nobody_went_on_from_is_the_end_of_what_was_rated() -> None:
    given = row(step(("A", 1)), step(("B", -1), chosen=None), finish="found_error")
    assert read(given) == [("A\nB\n", None, (1.0, 0.0))]
    assert read({**given, "question": {**given["question"], "pre_generated_steps": ["A", "B", "C"]}}) == [
        ("A\nB\nC", Stop.ANSWERED, (1.0, 0.0, None)),
    ]


def test_a_step_of_several_completions_none_of_which_was_chosen_ends_each_of_them() -> None:
    given = row(step(("A", 1)), step(("B", -1), ("C", -1), chosen=None), finish="found_error")
    assert read(given) == [("A\n", None, (1.0,)), ("A\nB\n", None, (1.0, 0.0)), ("A\nC\n", None, (1.0, 0.0))]


def test_the_problem_has_its_answer_and_solution() -> None:
    problem = prm800k(row(step(("A", 1)), ground_truth_solution="3 + 4 = 7."), CONTEXT).problem
    assert (problem.question, problem.answer, problem.meta) == ("3 + 4?", "7", {"solution": "3 + 4 = 7."})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({**row(step(("A", 1))), "is_quality_control_question": True}, "quality control"),
        ({"is_initial_screening_question": True}, "screening"),
        (row(finish="bad_problem"), "the problem is bad"),
        (row(finish="give_up"), "the labeller gave up"),
        (row(), "no step has a text"),
        (row(step(chosen=None)), "no step has a text"),
    ],
)
def test_a_row_that_is_left_out_says_why(given: dict[str, Any], message: str) -> None:
    with pytest.raises(Dropped) as dropped:
        prm800k(given, CONTEXT)
    assert str(dropped.value) == message


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({}, "no field 'question' among none, which has to be an object"),
        (
            {"question": {"problem": "x"}, "label": None},
            "no field 'label' among question, label, which has to be an object",
        ),
        (
            row(step(("A", 1), chosen=5)),
            "label.steps[0].chosen_completion is 5, and has to be the number of one of 1 completion, from 0",
        ),
        (
            row({"completions": [{"rating": 1}]}),
            "no field 'label.steps[0].completions[0].text' among rating, which has to be a text",
        ),
        (
            row({"completions": [{"text": "A", "rating": [1]}]}),
            "label.steps[0].completions[0].rating is a list, and has to be a whole number",
        ),
        (row(step(("A", 4))), "label.steps[0].completions[0].rating is 4, and has to be 1, 0, -1 or null"),
        (row("A"), "label.steps[0] is 'A', and has to be an object"),  # type: ignore[arg-type]
    ],
)
def test_another_kind_of_row_is_a_mistake(given: dict[str, Any], cause: str) -> None:
    with pytest.raises(SourceError) as error:
        prm800k(given, CONTEXT)
    assert str(error.value) == cause
