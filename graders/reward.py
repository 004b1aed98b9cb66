"""Reward functions for trainers. Each completion is graded by the key of its problem, as `grade` grades a reply.

`reward` is a reward function for TRL's GRPOTrainer and RLOOTrainer, and `compute_score` is one for verl. `redraft
export --format prompts` writes the rows that they need.
"""

from collections.abc import Mapping, Sequence, Sized
from itertools import repeat
from typing import Any

from redraft.graders.answers.task import GradeError
from redraft.graders.grade import grade, grade_all
from redraft.store.errors import plural


def reward(
    completions: Sequence[str | Sequence[Mapping[str, Any]]],
    answer: Sequence[str | float | None] | None = None,
    kind: Sequence[str] | None = None,
    **columns: Any,
) -> list[float | None]:
    """Returns the reward of each completion: 1.0 for a right answer, 0.0 for a wrong one, None if the grader cannot
    decide. TRL ignores a completion with None. A completion is a text, or a list of messages whose last reply is
    graded.

    The completions of a batch are graded together. Algebraic comparisons and programs run in processes, which are
    killed at their time limits. The columns `choices` and `entry_point` of the data set are also used; other columns
    are ignored. Raises GradeError if the data set has no column `answer`, if a column does not have one value for each
    completion, or if a row cannot be graded.
    """
    if answer is None:
        found = ", ".join(columns) or "none"
        raise GradeError(f"no column 'answer' among {found}: train on the rows of `redraft export --format prompts`")
    replies = [_reply(row, completion) for row, completion in enumerate(completions, start=1)]
    given = {
        "reply": replies,
        "answer": answer,
        "kind": repeat("math", len(replies)) if kind is None else kind,
        **{name: columns[name] for name in ("choices", "entry_point") if columns.get(name) is not None},
    }
    for name, values in given.items():
        if isinstance(values, Sized) and len(values) != len(replies):
            there, wanted = plural(len(values), "value"), plural(len(replies), "completion")
            raise GradeError(f"column {name!r} has {there} for {wanted}: give one for each")
    rows = (dict(zip(given, values, strict=True)) for values in zip(*given.values(), strict=True))
    return [graded.value for graded in grade_all(rows)]


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str | float | None,
    extra_info: Mapping[str, Any] | None = None,
    *,
    undecided: float = 0.0,
    **others: Any,
) -> dict[str, float]:
    """Returns the reward of one reply for verl, as a dictionary. `score` is 1.0 for a right answer and 0.0 for a wrong
    one, `acc` is 1.0 only for a right answer, and `undecided` is 1.0 if the grader cannot decide.

    verl needs a number for each reply, so an undecided reply gets the score `undecided`, which is 0.0 unless
    `reward_kwargs` sets another. The mean of the metric `undecided` is the fraction of such replies. `extra_info` has
    the problem's `kind`; without it the kind is math. `data_source` is ignored. Raises GradeError if a row cannot be
    graded.
    """
    value = grade(solution_str, ground_truth, kind=(extra_info or {}).get("kind") or "math").value
    return {
        "score": undecided if value is None else value,
        "acc": float(value == 1.0),
        "undecided": float(value is None),
    }


def _reply(row: int, completion: object) -> str:
    """Returns the text of a completion. If the completion is a list of messages, returns the text of the assistant's
    last message. Raises GradeError if it is neither a text nor a list of messages."""
    if isinstance(completion, str):
        return completion
    if not isinstance(completion, Sequence) or not all(isinstance(each, Mapping) for each in completion):
        kind = type(completion).__name__
        raise GradeError(f"completion {row} is of type {kind}, and has to be a text or a list of messages")
    content = next((each.get("content") for each in reversed(completion) if each.get("role") == "assistant"), None)
    if isinstance(content, Sequence) and not isinstance(content, str):  # parts of text, as TRL gives them to processors
        return "".join(part.get("text") or "" for part in content if isinstance(part, Mapping))
    if content is not None and not isinstance(content, str):
        raise GradeError(
            f"the last reply of completion {row} is of type {type(content).__name__}, and has to be a text"
        )
    return content or ""
