"""Rows of any other shape are told in one line that names a field, whatever is in them."""

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from redraft.flows.readers.reader import Context, Dropped, Imported
from redraft.store.errors import SourceError
from redraft.store.plugins.discovery import load, names

CONTEXT = Context("mine", "u")
STEP = {"completions": [{"text": "A", "rating": 1}, {"text": "B", "rating": -1}], "chosen_completion": 0}
ASKED, SAID = {"role": "user", "content": "3 + 4?"}, {"role": "assistant", "content": [{"type": "text", "text": "7."}]}
GRADE = {"turn": 1, "grader": "prm", "trajectory_id": "t", "value": 0.5}
OWN = {"turn": 1, "by": "model", "grades": [GRADE]}
ROWS: dict[str, list[dict[str, Any]]] = {
    "prm800k": [
        {"labeler": "ann", "question": {"problem": "x?", "ground_truth_answer": "7", "pre_generated_steps": ["A"]},
         "label": {"steps": [STEP, {**STEP, "human_completion": {"text": "C"}}], "finish_reason": "solution"}},
    ],
    "math_shepherd": [{"input": "x? Step 1: A ки", "label": "x? Step 1: A +", "task": "GSM8K"}],
    "process_bench": [{"problem": "x?", "steps": ["A", "B"], "label": 1, "final_answer_correct": True}],
    "openr1": [
        {"problem": "x?", "answer": "7", "generations": ["A", "B"], "correctness_math_verify": [True, None],
         "finish_reasons": ["stop", "length"], "is_reasoning_complete": [True, False]},
    ],
    "preferences": [
        {"prompt": [ASKED], "chosen": [SAID], "rejected": [SAID], "answer": "7"},
        {"messages": [ASKED, SAID], "rejected_response": "8."},
        {"chosen": [ASKED, SAID], "rejected": [ASKED, SAID]},
    ],
    "atif": [
        {"schema_version": "ATIF-v1.8",
         "steps": [{"source": "user", "message": "x?"},
                   {"source": "agent", "message": [{"text": "A"}], "metrics": {"completion_tokens": 3}}]},
        {"schema_version": "ATIF-v1.8",
         "steps": [{"source": "user", "message": "x?"},
                   {"source": "agent", "message": "A", "extra": {"redraft": {**OWN, "step_id": "u/0"}}}],
         "extra": {"redraft": {
             "problem": {"question": "x?", "problem_id": "p"}, "other_steps": [{**OWN, "step_id": "u/0.1"}],
             "trajectories": [{"trajectory_id": "t", "role": "search", "drafts": [{}], "leaf_step_id": "u/0.1",
                               "grades": [GRADE]}]}}},
    ],
    "inspect_ai": [
        {"id": 1, "epoch": 2, "input": "x?", "target": "7", "choices": ["6", "7"], "metadata": {"level": 1},
         "messages": [ASKED, {**SAID, "id": "m", "tool_calls": [{"function": "add", "arguments": {"x": 1}}]},
                      {"role": "tool", "content": "attachment://a"}, SAID],
         "output": {"choices": [{"stop_reason": "stop"}]}, "attachments": {"a": "7"}, "limit": {"type": "time"},
         "events": [{"event": "model",
                     "output": {"usage": {"output_tokens": 3}, "choices": [{"message": {"id": "m"}}]}}],
         "scores": {"match": {"value": "C"}, "two": {"value": {"a": 0.5, "b": "P"}, "explanation": "x"}}},
        {"id": "a", "epoch": 1, "input": [ASKED], "target": ["6", "7"], "messages": [SAID], "error": {"message": "x"}},
        {"id": "p", "epoch": 1, "store": {"redraft": {
            "problem": {"question": "x?", "problem_id": "p"}, "steps": [{**OWN, "step_id": "u/0"}],
            "trajectories": [{"trajectory_id": "t", "role": "sample", "drafts": [{}], "leaf_step_id": "u/0"}]}}},
    ],
    "chats": [
        {"messages": [ASKED, SAID], "label": True, "answer": "7"},
        {"prompt": [ASKED], "completion": [SAID], "label": 1, "by": "ann"},
        {"prompt": "x?", "completions": ["A", "B"], "labels": [1, -1]},
    ],
}  # fmt: skip
STRANGE: list[Any] = [None, 3, -7, 2.5, float("nan"), True, "x", "", [], {}, [None], [[1]], {"a": [1]}, [{}], "\ud800"]


@pytest.mark.parametrize("format", names("reader"))
def test_any_other_row_is_one_line_without_an_error_of_python(format: str) -> None:
    read, chance = load(format, "reader"), random.Random(0)
    for row in ROWS[format]:
        assert isinstance(read(copy.deepcopy(row), CONTEXT), Imported)
        lines = [line for _ in range(600) if (line := told(read, changed(row, chance)))]
        assert len(set(lines)) > 10
        assert [line for line in lines if "Error" in line or "\n" in line or len(line) > 300] == []


def told(read: Callable[..., Imported], row: dict[str, Any]) -> str | None:
    """What a reader says of a row that it cannot read; None if it reads the row."""
    try:
        read(row, CONTEXT)
    except (SourceError, Dropped) as error:
        return str(error)
    return None


def changed(row: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The row with something strange, or nothing, in one to three of its places."""
    row = copy.deepcopy(row)
    for _ in range(chance.randint(1, 3)):
        holder, key = chance.choice(list(places(row)) or [(row, "added")])
        if holder and chance.random() < 0.2:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(chance.choice(STRANGE))
    return row


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every object and list in a value with each of its keys."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])
