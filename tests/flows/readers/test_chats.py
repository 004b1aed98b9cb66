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
NO_CHAT = "no chat among the columns {}: it needs 'messages', or 'prompt' and 'completion'"


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


def test_a_content_may_be_a_list_of_parts() -> None:
    parts = [{"type": "text", "text": "I add. "}, {"type": "text", "text": "It is 7."}]
    [path] = chats({"messages": [ASKED, {"role": "assistant", "content": parts}]}, CONTEXT).paths
    assert (path.text(), path.answer) == ("I add. It is 7.", "7")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>Is it \\boxed{8}? The answer is 8.</think>\nIt is 7.", "7"),
        ("<think>The answer is 8.", None),
        ("<think>The answer is 8.</think>\nI give up!", None),
    ],
)
def test_the_answer_is_never_read_inside_a_models_thinking(text: str, answer: str | None) -> None:
    [path] = chats({"prompt": "3 + 4?", "completion": text}, CONTEXT).paths
    assert (path.text(), path.answer) == (text, answer)


def test_logs_of_sharegpt_have_other_names() -> None:
    said = [{"from": "system", "value": "Add."}, {"from": "human", "value": "3 + 4?"}, {"from": "gpt", "value": "7."}]
    found = chats({"conversations": said}, CONTEXT)
    assert (found.problem.question, found.problem.meta, found.paths[0].text()) == ("3 + 4?", {"system": "Add."}, "7.")


def test_what_stands_in_the_place_of_the_known_answer_is_no_answer() -> None:
    assert chats(row(answer=7), CONTEXT).problem.answer == "7"
    assert chats(row(answer="notfound"), CONTEXT).problem.answer is None


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
        *[(label, Verdict.RIGHT) for label in (True, 1, 1.0, "Right", "correct", "good", "true", " 1")],
        *[(label, Verdict.WRONG) for label in (False, 0, -1, "wrong", "INCORRECT", "bad", "false", "0", "-1")],
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
        (["-1", "1"], (0.0, 1.0)), (["true", "False"], (1.0, 0.0)),
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
        ({}, NO_CHAT.format("none")),
        ({"text": "3 + 4?", "label": 1}, NO_CHAT.format("text, label")),
        ({"prompt": "3 + 4?"}, NO_CHAT.format("prompt")),
        ({"messages": "3 + 4?"}, "messages is '3 + 4?', and has to be a list"),
        ({"prompt": "3 + 4?", "completion": 7}, "completion is a whole number, and has to be a text"),
        ({"prompt": {"a": 1}, "completion": "7"}, "prompt is an object, and has to be a text"),
        ({"prompt": "3 + 4?", "completions": ["7", 7]}, "completions[1] is a whole number, and has to be a text"),
        ({"messages": [{"role": "user"}]}, "no field 'messages[0].content' among role, which has to be a text"),
        ({"messages": [{"content": "x"}]}, "no field 'messages[0].role' among content, which has to be a text"),
        ({"messages": ["3 + 4?"]}, "messages[0] is '3 + 4?', and has to be an object"),
        (
            {"messages": [ASKED, {"role": "assistant", "content": [{"type": "image_url", "image_url": "x"}]}]},
            "messages[1].content: a part of a message has no text, such as a picture: redraft reads texts",
        ),
        ({"messages": [ASKED, {"role": "assistant", "content": 7.5}, ASKED]}, IN_TURNS),
        (row(by=3), "by is a whole number, and has to be a text"),
        ({"messages": [{"role": "system", "content": "x"}]}, IN_TURNS),
        ({"messages": [SAID]}, IN_TURNS),
        ({"messages": [ASKED, SAID, ASKED]}, IN_TURNS),
        (row(label=2), "label=2 is none of true, false, 1, 0, -1, right, correct, good, wrong, incorrect, bad"),
        (row(label=0.5), "label=0.5 is none of true, false, 1, 0, -1, right, correct, good, wrong, incorrect, bad"),
        (row(labels=[1]), "1 label for 2 steps: give one a step, or another --separator"),
        (row(labels=1), "no list of labels for 2 steps: give one a step, or another --separator"),
        (row(labels=[1, 0.5]), "the step label 0.5 is none of 1, 0, -1, good, neutral, bad, true, false, null"),
        (row(labels=[1, [1]]), "the step label [1] is none of 1, 0, -1, good, neutral, bad, true, false, null"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError) as error:
        chats(given, CONTEXT)
    assert str(error.value) == message
