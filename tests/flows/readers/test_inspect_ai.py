"""A log that Inspect itself wrote (`loaders/write_inspect_log.py` of the formats), and samples of other shapes."""

from pathlib import Path
from typing import Any

import pytest

from redraft.flows.importing import importing
from redraft.flows.readers.inspect_ai import inspect_ai
from redraft.flows.readers.reader import Context, Dropped
from redraft.store import Store
from redraft.store.errors import SourceError
from redraft.store.trajectory import Stop

LOG = Path(__file__).parent / "small.eval"
CONTEXT = Context("mine", "u")
DRAFTS = """
SELECT question, t.sample, d.turn, d.feedback, d.text, d.answer, d.stop, d.tokens, t.stop
FROM trajectories t JOIN turns d USING (trajectory_id) JOIN problems USING (problem_id) ORDER BY ALL"""
GRADES = """
SELECT question, sample, turn, grader, g.verdict, g.value, g.reason
FROM grades g JOIN trajectories USING (trajectory_id) JOIN problems USING (problem_id) ORDER BY ALL"""
HENS, SUM, COLOUR, PRIME = (
    "How many legs have 3 hens?", "What is 17 + 25?", "Which is a colour?\n(A) seven\n(B) blue",
    "Name a prime\n\nbelow 4.",
)  # fmt: skip
ADD = 'I add them.\n<tool_call>{"name": "add", "arguments": {"x": 17, "y": 25}}</tool_call>'


async def test_a_log_of_inspect_has_its_drafts_feedback_and_scores(tmp_path: Path) -> None:
    store = Store(tmp_path / "r.duckdb")
    result = await importing(LOG, format="inspect_ai", db=store)
    assert (result.rows, result.trajectories, result.dropped) == (8, 8, {})
    assert {
        (problem.question, problem.answer, str(problem.kind), *sorted(map(str, problem.meta.items())))
        for problem in store.problems()
    } == {
        (HENS, "6", "math", "('level', 1)", "('sample_id', 'hens')", "('subject', 'birds')"),
        (SUM, "42", "math", "('sample_id', 'sum')"),
        (COLOUR, "B", "choice", "('sample_id', 'colour')"),
        (PRIME, None, "math", "('sample_id', 4)", "('targets', ['2', '3'])"),
    }
    drafts: list[tuple[Any, ...]] = []
    for sample in (0, 1):
        more = 6 * sample  # the model counts up
        drafts += [
            (HENS, sample, 1, None, "Each hen has 4 legs.\nANSWER: 12", "12", "answered", 5 + more, "answered"),
            (HENS, sample, 2, "Are you sure?", "A hen has 2 legs, so it is 6.\nANSWER: 6", "6", "answered", 6 + more,
             "answered"),
            (PRIME, sample, 1, None, "Primes are numbers that", None, "length", 10 + more, "length"),
            (SUM, sample, 1, None, ADD, None, "answered", 7 + more, "answered"),
            (SUM, sample, 2, "42", "ANSWER: 43", "43", "answered", 8 + more, "answered"),
            (COLOUR, sample, 1, None, "ANSWER: B", "B", "answered", 9 + more, "answered"),
        ]  # fmt: skip
    assert sorted(store.query(DRAFTS).rows, key=str) == sorted(drafts, key=str)
    grades: list[tuple[Any, ...]] = []
    for question, turn, verdict, value, length in (
        (HENS, 2, "right", 1.0, 39.0), (SUM, 2, "wrong", 0.0, 10.0), (COLOUR, 1, None, 0.5, 9.0),
        (PRIME, 1, "wrong", 0.0, 23.0),
    ):  # fmt: skip
        for sample, unsure in ((0, ("undecided", None, "timeout")), (1, (None, 0.25, None))):
            grades += [
                (question, sample, turn, "letter", verdict, value, "as I was told"),
                (question, sample, turn, "several.length", None, length, None),
                (question, sample, turn, "several.polite", "right", 1.0, None),
                (question, sample, turn, "unsure", *unsure),
            ]
    assert sorted(store.query(GRADES).rows, key=str) == sorted(grades, key=str)


ASKED, SAID = {"role": "user", "content": "3 + 4?"}, {"role": "assistant", "content": "It is 7."}


def sample(*messages: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {"id": "a", "epoch": 1, "input": "3 + 4?", "target": "7", "messages": list(messages), **facts}


def test_drafts_go_on_and_results_of_several_tools_are_one_feedback() -> None:
    calls = [{"function": "add", "arguments": {"x": 3}}, {"function": "add", "arguments": {"x": 4}}]
    results = [{"role": "tool", "content": "3"}, {"role": "tool", "content": "attachment://4"}]
    row = sample(
        ASKED, {**SAID, "content": "First."}, {"role": "assistant", "content": "", "tool_calls": calls}, *results, SAID,
        {"role": "tool", "content": "no draft follows"}, attachments={"4": "4"},
    )  # fmt: skip
    [path] = inspect_ai(row, CONTEXT).paths
    called = "\n".join(f'<tool_call>{{"name": "add", "arguments": {{"x": {number}}}}}</tool_call>' for number in (3, 4))
    assert [(step.by, step.turn, step.text, step.final) for step in path.steps] == [
        ("model", 1, "First.", False), ("model", 1, called, True), ("tool", 2, "3\n\n4", False),
        ("model", 2, "It is 7.", True),
    ]  # fmt: skip
    assert (path.answers, path.answer, path.stop) == ((None,), "7", Stop.ANSWERED)


@pytest.mark.parametrize(
    ("facts", "stop", "reason"),
    [
        ({"error": {"message": "out of luck"}}, Stop.FAILED, "out of luck"),
        ({"limit": {"type": "token", "limit": 5}}, Stop.BUDGET, "limit: token"),
        ({"output": {"choices": [{"stop_reason": "model_length"}]}}, Stop.LENGTH, None),
        ({"output": {"choices": [{"stop_reason": "stop"}]}}, Stop.ANSWERED, None),
    ],
)
def test_a_sample_ends_as_it_ended_there(facts: dict[str, Any], stop: Stop, reason: str | None) -> None:
    [path] = inspect_ai(sample(ASKED, SAID, **facts), CONTEXT).paths
    assert (path.stop, path.reason) == (stop, reason)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("C", ("right", 1.0, None)), ("I", ("wrong", 0.0, None)), ("P", (None, 0.5, None)),
        ("N", ("wrong", 0.0, "no answer")), (True, ("right", 1.0, None)), (False, ("wrong", 0.0, None)),
        ("Yes", ("right", 1.0, None)), ("no", ("wrong", 0.0, None)), (0.75, (None, 0.75, None)), (3, (None, 3.0, None)),
        ("0.5", (None, 0.5, None)), (float("nan"), ("undecided", None, "unscored")),
        ("grey", (None, None, "the score is 'grey'")),
    ],
)  # fmt: skip
def test_every_kind_of_score_is_a_grade(value: Any, found: tuple[Any, ...]) -> None:
    [grade] = inspect_ai(sample(ASKED, SAID, scores={"s": {"value": value}}), CONTEXT).grades
    assert (grade.verdict, grade.value, grade.reason) == found


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (sample(ASKED), "no draft"),
        (sample(ASKED, {**SAID, "content": [{"type": "image", "image": "a.png"}]}), "it has pictures, sounds or doc"),
    ],
)
def test_what_no_draft_holds_is_left_out_with_its_reason(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(Dropped, match=reason):
        inspect_ai(row, CONTEXT)


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ({"id": 1}, "no field 'epoch' among id"),
        (sample(epoch=0), "epoch is 0, and has to be at least 1"),
        (sample(ASKED, SAID, id=None), "id has to be a text or a whole number"),
        (sample(ASKED, SAID, input=[SAID]), "input has no message of the user"),
        (sample({**ASKED, "content": "attachment://x"}), "no field 'attachments.x' among none"),
        (
            sample(ASKED, SAID, scores={"s": {"value": None}}),
            "scores.s.value is None, and has to be a text",
        ),
        (sample(store={"redraft": {"trajectories": []}}), "store.redraft: .*required field `problem`"),
    ],
)
def test_a_sample_of_another_shape_is_told_by_its_field(row: dict[str, Any], line: str) -> None:
    with pytest.raises(SourceError, match=line):
        inspect_ai(row, CONTEXT)
