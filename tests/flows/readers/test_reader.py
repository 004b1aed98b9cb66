"""What the readers share: drafts from texts, the value of rated steps, a person's verdict, and equal questions."""

import pytest

from redraft.flows.readers.reader import BAD, GOOD, NEUTRAL, Context, Imported, problem_of, rated, told, written
from redraft.graders.rewards.aggregate import Neutral
from redraft.store.problems import Question
from redraft.store.trajectory import Detail, Grade, Role, Stop, Verdict

CONTEXT = Context("mine", "u", split="train")
QUESTION = Question("p", "How much?", unit="u")


def test_texts_become_steps_and_the_last_one_ends_the_draft() -> None:
    path = written(QUESTION, ["I add.\n", "#### 7"])
    assert [(step.step_id, step.text, step.final) for step in path.steps] == [
        ("u/0", "I add.\n", False),
        ("u/0.0", "#### 7", True),
    ]
    assert (path.stop, path.answer, path.role) == (Stop.ANSWERED, "7", Role.SAMPLE)


def test_a_draft_that_goes_on_has_no_end_and_its_last_step_its_own_number() -> None:
    path = written(QUESTION, ["I add.\n", "#### 7"], role=Role.SEARCH, ended=False, sibling=3)
    assert (path.stop, path.answer, path.trajectory_id) == (None, None, "u/0.3")
    assert not any(step.final for step in path.steps)


def test_no_texts_are_an_ended_draft_without_steps() -> None:
    path = written(QUESTION, [])
    assert (path.steps, path.stop, path.answer) == ((), Stop.ANSWERED, None)


@pytest.mark.parametrize(
    ("details", "neutral", "value", "steps"),
    [
        ([GOOD, GOOD], "positive", 1.0, (1.0, 1.0)),
        ([GOOD, NEUTRAL, GOOD], "positive", 1.0, (1.0, 1.0, 1.0)),
        ([GOOD, NEUTRAL, GOOD], "negative", 0.0, (1.0, 0.0, 1.0)),
        ([GOOD, BAD], "positive", 0.0, (1.0, 0.0)),
        ([Detail(0.5, 0.25, 0.25), GOOD], "positive", 0.75, (0.75, 1.0)),
    ],
)
def test_a_draft_is_worth_its_worst_step(details: list[Detail], neutral: Neutral, value: float, steps: tuple) -> None:
    grade = rated(details, "human", "ann", neutral)
    assert (grade.value, grade.steps, grade.details, grade.reason) == (value, steps, tuple(details), None)
    assert (grade.grader, grade.grader_model) == ("human", "ann")


def test_a_step_that_nobody_rated_leaves_the_draft_without_a_value() -> None:
    grade = rated([BAD, None], "human", None, "positive")
    assert (grade.value, grade.steps, grade.reason) == (None, (0.0, None), "not every step was rated")
    assert grade.details == (BAD, Detail())


def test_a_verdict_is_a_value_of_one_or_zero() -> None:
    assert told(True, "ann") == Grade("human", "", 1, value=1.0, verdict=Verdict.RIGHT, grader_model="ann")
    assert told(False, None) == Grade("human", "", 1, value=0.0, verdict=Verdict.WRONG)


def test_equal_questions_of_one_source_are_one_problem() -> None:
    first = problem_of(CONTEXT, " How much?\n", "7", task="sums", labeler=None)
    assert (first.question, first.answer, first.source, first.split) == ("How much?", "7", "mine", "train")
    assert first.meta == {"task": "sums"}
    assert problem_of(CONTEXT, "How much?").problem_id == first.problem_id
    assert problem_of(Context("other", "u"), "How much?").problem_id != first.problem_id
    assert problem_of(CONTEXT, "How much?", "").answer is None


def test_a_grade_is_of_the_trajectory_and_turn_that_it_is_added_with() -> None:
    found = Imported(problem_of(CONTEXT, "How much?"))
    path = written(QUESTION, ["#### 6"]).respond("Again.", "user").grow("#### 7", 0)
    found.add(path, told(True, None))
    found.add(written(QUESTION, ["#### 8"]))
    assert len(found.paths) == 2
    assert [(grade.trajectory_id, grade.turn) for grade in found.grades] == [("u:0", 2)]
