"""Reads labelled chat logs, and labelled data in TRL's columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from redraft.agents.policies.step_reader import split_steps
from redraft.flows.readers.fields import needed, optional, shortened, texts
from redraft.flows.readers.reader import BAD, GOOD, NEUTRAL, Context, Imported, problem_of, rated, told, written
from redraft.graders.answers.extract import extract
from redraft.store.errors import SourceError, plural
from redraft.store.sources.fields import content_text
from redraft.store.trajectory import Detail, Grade, Role, Stop, Trajectory

WORDS = {
    "true": True, "false": False, "1": True, "0": False, "-1": False, "right": True, "correct": True, "good": True,
    "wrong": False, "incorrect": False, "bad": False,
}  # fmt: skip
"""The labels of a draft as strings, because a CSV file has only strings."""
ROLES = {"human": "user", "gpt": "assistant", "developer": "system"}
RATINGS: Mapping[Any, Detail] = {
    1: GOOD, 0: NEUTRAL, -1: BAD, "good": GOOD, "neutral": NEUTRAL, "bad": BAD, "right": GOOD, "wrong": BAD,
    "1": GOOD, "0": NEUTRAL, "-1": BAD, "true": GOOD, "false": BAD,
}  # fmt: skip


def chats(row: Mapping[str, Any], context: Context) -> Imported:
    """Returns the drafts of a row, with their labels as a grade by `human`. The grade's model is the row's `labeler`.

    A row has the column `messages`, or `prompt` and `completion`, or `prompt` and `completions` (a list of steps). Each
    of `prompt` and `completion` is a string or a list of messages, as `redraft export` writes them. In `messages` the
    first user message is the question, each assistant message is a draft, and each further user message is feedback.
    The content of a message is a string or a list of parts with texts. The answer is not searched inside a model's
    reasoning. `label` is the verdict on the last draft: right (true, 1, "right") or wrong (false, 0, -1, "wrong").
    `step_labels`, or `labels`, has a label for each step: 1, 0 or -1, "good", "neutral" or "bad", true or false; null
    if the step has no label. A label may be a string, such as "true" or "-1". A draft is split into steps after each
    separator. `answer` is the known answer. Raises SourceError for a row in any other form.
    """
    if row.get("rejected") is not None or row.get("rejected_response") is not None:
        raise SourceError("the row is a pair of a better and a worse answer: import it with --format preferences")
    messages = _messages(row)
    system = "\n\n".join(text for role, text in messages if role == "system") or None
    spoken = [(role, text) for role, text in messages if role != "system"]
    if [role for role, _ in spoken] != ["user", "assistant"] * (len(spoken) // 2) or not spoken:
        raise SourceError("the messages must take turns: user, assistant, user, assistant ...")
    answer = row.get("answer")
    problem = problem_of(context, spoken[0][1], answer, system=system)
    path = _path(row, spoken, problem.ask(context.unit), context)
    found = Imported(problem)
    grade = _grade(row, path, optional(row, "labeler", str) or optional(row, "by", str), context)
    found.add(path, *([grade] if grade else []))
    return found


def _messages(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns pairs of the role and the text of each message of a row."""
    for column in ("messages", "conversation", "conversations"):
        if row.get(column) is not None:
            return listed(row, column)
    done = next((column for column in ("completions", "completion") if row.get(column) is not None), None)
    if row.get("prompt") is None or done is None:
        there = ", ".join(map(str, row)) or "none"
        raise SourceError(f"no chat among the columns {there}: it needs 'messages', or 'prompt' and 'completion'")
    asked = listed(row, "prompt") if isinstance(row["prompt"], list) else [("user", needed(row, "prompt", str))]
    if done == "completions":
        return [*asked, ("assistant", "".join(texts(row, done)))]
    answered = row[done]
    return asked + (listed(row, done) if isinstance(answered, list) else [("assistant", needed(row, done, str))])


def listed(row: Mapping[str, Any], column: str) -> list[tuple[str, str]]:
    """Returns pairs of the role and the text of each message in a column. Raises SourceError, which names the
    message."""
    found = []
    for number, one in enumerate(needed(row, column, list)):
        at = f"{column}[{number}]."
        role = optional(one, "role", str, at) or needed(one, "from" if "from" in one else "role", str, at)
        if not {"content", "value"} & one.keys():
            raise SourceError(f"no field '{at}content' among {', '.join(map(str, one))}, which has to be a text")
        content = one.get("content", one.get("value"))
        try:
            found.append((ROLES.get(role, role), content_text(content)))
        except SourceError as error:
            raise SourceError(f"{at}content: {error}") from None
    return found


def _path(row: Mapping[str, Any], spoken: Sequence[tuple[str, str]], question: Any, context: Context) -> Trajectory:
    """Returns a trajectory with a turn for each draft, and the feedback before each draft."""
    steps = row.get("completions")
    if isinstance(steps, list):
        mark = context.separator
        return written(question, [f"{text}{mark}" for text in steps[:-1]] + [str(text) for text in steps[-1:]])
    path = Trajectory(question, role=Role.SAMPLE)
    for role, text in spoken[1:]:
        if role == "user":
            path = path.respond(text, "user")
            continue
        pieces = split_steps(text, context.separator) or [""]
        for at, piece in enumerate(pieces, start=1):
            path = path.grow(piece, 0, final=at == len(pieces))
        path = replace(path, stop=Stop.ANSWERED, answer=extract(path.text(), question.kind))
    return path


def _grade(row: Mapping[str, Any], path: Trajectory, person: str | None, context: Context) -> Grade | None:
    """Returns the grade of the last draft, or None if the row has no label."""
    verdict = _verdict(row.get("label"))
    labels = row.get("labels") if row.get("step_labels") is None else row["step_labels"]
    if labels is None:
        return None if verdict is None else told(verdict, person)
    if not isinstance(labels, list) or len(labels) != len(path.draft()):
        count = plural(len(labels), "label") if isinstance(labels, list) else "no list of labels"
        raise SourceError(f"{count} for {plural(len(path.draft()), 'step')}: give one a step, or another --separator")
    grade = rated([_detail(one) for one in labels], "human", person, context.neutral)
    if verdict is None:
        return grade
    whole = told(verdict, person)
    return replace(grade, value=whole.value, verdict=whole.verdict, reason=None)


def _verdict(label: Any) -> bool | None:
    if label is None or isinstance(label, bool):
        return label
    if isinstance(label, int | float) and label in (1, 0, -1):
        return label == 1
    if isinstance(label, str) and (word := label.strip().lower()) in WORDS:
        return WORDS[word]
    if label == "":
        return None
    raise SourceError(f"label={shortened(label)} is none of {', '.join(WORDS)}")


def _detail(label: Any) -> Detail | None:
    if label is None:
        return None
    if isinstance(label, bool):
        return GOOD if label else BAD
    rating = label.strip().lower() if isinstance(label, str) else label
    found = RATINGS.get(rating) if isinstance(rating, str | int | float) else None
    if found is None:
        raise SourceError(
            f"the step label {shortened(label)} is none of 1, 0, -1, good, neutral, bad, true, false, null"
        )
    return found
