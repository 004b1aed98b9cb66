"""ATIF documents of other programs, and the line that a bad one gets."""

from typing import Any

import pytest

from redraft.flows.readers.atif import atif
from redraft.flows.readers.reader import Context, Dropped
from redraft.store.errors import SourceError
from redraft.store.trajectory import Stop

CONTEXT = Context("mine", "u")
ASKED, SAID = {"source": "user", "message": "3 + 4?"}, {"source": "agent", "message": "It is 7."}


def document(*steps: dict[str, Any], **facts: Any) -> dict[str, Any]:
    numbered = [{"step_id": number, **step} for number, step in enumerate(steps, start=1)]
    return {"schema_version": "ATIF-v1.6", "agent": {"name": "x", "version": "1"}, "steps": numbered, **facts}


def test_a_question_its_drafts_and_feedback() -> None:
    found = atif(
        document(
            {"source": "system", "message": "Be brief."},
            ASKED,
            {**SAID, "message": "I add.\n", "metrics": {"completion_tokens": 3}},
            {**SAID, "reasoning_content": "Is it 8?"},
            {"source": "user", "message": "Sure?"},
            {**SAID, "message": [{"type": "text", "text": "Yes: "}, {"type": "text", "text": "7."}]},
        ),
        CONTEXT,
    )
    [path] = found.paths
    assert found.problem.question == "3 + 4?"
    assert [(step.by, step.turn, step.text, step.tokens, step.final) for step in path.steps] == [
        ("model", 1, "I add.\n", 3, False),
        ("model", 1, "It is 7.", 0, True),
        ("user", 2, "Sure?", 0, False),
        ("model", 2, "Yes: 7.", 0, True),
    ]
    assert (path.answers, path.answer, path.stop) == (("7",), "7", Stop.ANSWERED)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([ASKED], "no draft at its end"),
        ([SAID], "no question before the first draft"),
        ([ASKED, SAID, ASKED], "no draft at its end"),
        ([ASKED, {**SAID, "tool_calls": [{"tool_call_id": "1"}]}], "it uses tools"),
        ([ASKED, {**SAID, "observation": {"results": []}}], "it uses tools"),
        ([ASKED, {**SAID, "is_copied_context": True}], "it copies context from another trajectory"),
        ([{**ASKED, "message": [{"type": "image", "source": {"path": "a.png"}}]}, SAID], "it has images or sounds"),
    ],
)
def test_what_no_draft_holds_is_left_out_with_its_reason(steps: list[dict[str, Any]], reason: str) -> None:
    with pytest.raises(Dropped, match=reason):
        atif(document(*steps), CONTEXT)


PROBLEM = {"question": "3 + 4?", "problem_id": "p"}
DRAFTED = {"trajectory_id": "u:0", "role": "sample", "drafts": [{}], "leaf_step_id": "u/0"}


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ({"steps": []}, "no field 'schema_version' among steps"),
        (document(schema_version="2"), "schema_version is '2', and has to be ATIF-v1.x"),
        (document({"message": "?"}), r"no field 'steps\[0\].source' among step_id, message"),
        (document({"source": "user", "message": 3}), r"steps\[0\].message"),
        (document(ASKED, {**SAID, "metrics": 3}), r"steps\[1\].metrics is a whole number, and has to be an object"),
        (document(ASKED, extra={"redraft": {"trajectories": []}}), "extra.redraft: .*required field `problem`"),
        (
            document(ASKED, SAID, extra={"redraft": {"problem": PROBLEM, "trajectories": []}}),
            r"no field 'steps\[1\].extra'",
        ),
        (
            document(ASKED, extra={"redraft": {"problem": PROBLEM, "trajectories": [DRAFTED]}}),
            "the document has no step 'u/0', which a trajectory goes through",
        ),
        (
            document(ASKED, extra={"redraft": {"problem": PROBLEM, "trajectories": [{**DRAFTED, "role": "poet"}]}}),
            r"extra.redraft: Invalid enum value 'poet' - at `\$.trajectories\[0\].role`",
        ),
        (
            document(ASKED, extra={"redraft": {"problem": PROBLEM, "trajectories": [{**DRAFTED, "drafts": []}]}}),
            "no step 'u/0'",
        ),
    ],
)
def test_a_document_of_another_shape_is_told_by_its_field(row: dict[str, Any], line: str) -> None:
    with pytest.raises(SourceError, match=line):
        atif(row, CONTEXT)
