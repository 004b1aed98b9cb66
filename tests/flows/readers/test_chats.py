"""Chat logs: which columns a row may have, what is read as a label, and the line that a bad row gets."""

from typing import Any

import pytest

from redraft.flows.readers.chats import chats
from redraft.flows.readers.reader import Context
from redraft.store.errors import SourceError
from redraft.store.trajectory import Stop, Verdict

CONTEXT = Context("mine", "u")
ASKED, SAID = {"role": "user", "content": "3 + 4?"}, {"role": "assistant", "content": "I add.\n\nIt is 7."}
IN_TURNS = "the messages must take turns: user, assistant, user, assistant ..."
NO_CHAT = "no chat: it needs 'messages', or 'prompt' and 'completion'"


def row(**facts: Any) -> dict[str, Any]:
    return {"messages": [ASKED, SAID], **facts}


def test_a_chat_is_a_draft_in_steps() -> None:
    found = chats(row(), CONTEXT)
    [path] = found.paths
    assert [(step.text, step.final, step.turn) for step in path.steps] == [
        ("I add.\n\n", False, 1),
        ("It is 7.", True, 1),
    ]
    assert (path.stop, path.answer, found.problem.question, found.grades) == (Stop.ANSWERED, "7", "3 + 4?", [])


def test_every_later_user_opens_a_turn() -> None:
    [path] = chats({"conversation": [ASKED, SAID, {"role": "user", "content": "Sure?"}, SAID]}, CONTEXT).paths
    assert (path.turn, path.answers, path.answer) == (2, ("7",), "7")
    feedback = path.feedback(2)
    assert feedback is not None
    assert (feedback.text, feedback.by, path.stops) == ("Sure?", "user", (Stop.ANSWERED,))


def test_several_system_messages_are_one_and_an_empty_content_is_an_empty_draft() -> None:
    system = [{"role": "system", "content": text} for text in ("Be brief.", "Use boxes.")]
    found = chats({"messages": [system[0], ASKED, {"role": "assistant", "content": None}, system[1]]}, CONTEXT)
    assert found.problem.meta == {"system": "Be brief.\n\nUse boxes."}
    assert (found.paths[0].text(), found.paths[0].answer) == ("", None)


def test_another_separator_makes_other_steps() -> None:
    [path] = chats({"prompt": "3 + 4?", "completion": "I add.;It is 7."}, Context("mine", "u", separator=";")).paths
    assert [step.text for step in path.steps] == ["I add.;", "It is 7."]
    [path] = chats(
        {"prompt": "3 + 4?", "completions": ["I add.", "It is 7."]}, Context("mine", "u", separator=";")
    ).paths
    assert [step.text for step in path.steps] == ["I add.;", "It is 7."]


def test_a_column_of_null_is_no_column() -> None:
    """Rows of several kinds in one file have each other's columns, as null."""
    nulls = {"messages": None, "conversation": None, "labeler": None, "by": None, "answer": None, "label": None}
    [path] = chats({**nulls, "prompt": "3 + 4?", "completions": None, "completion": "It is 7."}, CONTEXT).paths
    assert path.text() == "It is 7."
    [grade] = chats(row(step_labels=None, labels=[1, -1]), CONTEXT).grades
    assert grade.steps == (1.0, 0.0)


@pytest.mark.parametrize(
    ("label", "verdict"),
    [
        *[(label, Verdict.RIGHT) for label in (True, 1, 1.0, "Right", "correct", "good")],
        *[(label, Verdict.WRONG) for label in (False, 0, -1, "wrong", "INCORRECT", "bad")],
    ],
)  # fmt: skip
def test_a_label_is_a_verdict_on_the_last_draft(label: Any, verdict: Verdict) -> None:
    [grade] = chats(row(label=label, by="bob"), CONTEXT).grades
    assert (grade.verdict, grade.value, grade.grader_model) == (verdict, float(verdict is Verdict.RIGHT), "bob")
    assert (grade.trajectory_id, grade.turn, grade.steps) == ("u:0", 1, ())


@pytest.mark.parametrize(
    ("labels", "steps"),
    [
        ([1, -1], (1.0, 0.0)), ([1.0, 0.0], (1.0, 1.0)), (["Good", "bad"], (1.0, 0.0)), ([True, False], (1.0, 0.0)),
        ([0, "neutral"], (1.0, 1.0)), (["right", "wrong"], (1.0, 0.0)), ([None, 1], (None, 1.0)),
    ],
)  # fmt: skip
def test_each_step_has_its_label(labels: list[Any], steps: tuple[float | None, ...]) -> None:
    [grade] = chats(row(step_labels=labels), CONTEXT).grades
    assert (grade.steps, grade.verdict) == (steps, None)
    assert grade.value == (None if None in steps else min(value for value in steps if value is not None))


def test_a_verdict_stands_beside_the_labels_of_steps() -> None:
    [grade] = chats(row(step_labels=[1, None], label=False), CONTEXT).grades
    assert (grade.value, grade.verdict, grade.steps, grade.reason) == (0.0, Verdict.WRONG, (1.0, None), None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, NO_CHAT),
        ({"messages": "3 + 4?"}, NO_CHAT),
        ({"prompt": "3 + 4?", "completion": 7}, NO_CHAT),
        ({"messages": [{"role": "user"}]}, "a message needs a role and a content"),
        ({"messages": ["3 + 4?"]}, "a message needs a role and a content"),
        ({"messages": [{"role": "system", "content": "x"}]}, IN_TURNS),
        ({"messages": [SAID]}, IN_TURNS),
        ({"messages": [ASKED, SAID, ASKED]}, IN_TURNS),
        (row(label=2), "label=2 is none of true, false, 1, 0, -1, right, correct, good, wrong, incorrect, bad"),
        (row(label=0.5), "label=0.5 is none of true, false, 1, 0, -1, right, correct, good, wrong, incorrect, bad"),
        (row(labels=[1]), "1 labels for 2 steps: give one a step, or another --separator"),
        (row(labels=1), "no list of labels for 2 steps: give one a step, or another --separator"),
        (row(labels=[1, 0.5]), "the step label 0.5 is none of 1, 0, -1, good, neutral, bad, true, false, null"),
        (row(labels=[1, [1]]), "the step label [1] is none of 1, 0, -1, good, neutral, bad, true, false, null"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError) as error:
        chats(given, CONTEXT)
    assert str(error.value) == message
