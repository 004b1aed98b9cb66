"""Reads labelled chat logs, and labelled data in the columns that TRL uses."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from redraft.agents.policies.steps import split_steps
from redraft.flows.readers.reader import BAD, GOOD, NEUTRAL, Context, Imported, problem_of, rated, told, written
from redraft.graders.answers.extract import extract
from redraft.store.errors import SourceError
from redraft.store.trajectory import Detail, Grade, Role, Stop, Trajectory

WORDS = {"right": True, "correct": True, "good": True, "wrong": False, "incorrect": False, "bad": False}
RATINGS: Mapping[Any, Detail] = {
    1: GOOD, 0: NEUTRAL, -1: BAD, "good": GOOD, "neutral": NEUTRAL, "bad": BAD, "right": GOOD, "wrong": BAD,
}  # fmt: skip


def chats(row: Mapping[str, Any], context: Context) -> Imported:
    """Returns the drafts of a row, with their labels as a grade by "human". The grade's model is the row's `labeler`.

    A row has the column `messages`, or `prompt` and `completion`, or `prompt` and `completions` (a list of steps). In
    `messages` the first user message is the question, each assistant message is a draft, and each further user message
    is feedback. `label` says whether the last draft is right (true, 1, "right") or wrong (false, 0, -1, "wrong").
    `step_labels`, or `labels`, has a label for each step: 1, 0 or -1, "good", "neutral" or "bad", true or false; null
    if the step has no label. The separator ends a step. `answer` is the known answer. Raises SourceError for a row in
    any other form.
    """
    messages = _messages(row)
    system = "\n\n".join(text for role, text in messages if role == "system") or None
    spoken = [(role, text) for role, text in messages if role != "system"]
    if [role for role, _ in spoken] != ["user", "assistant"] * (len(spoken) // 2) or not spoken:
        raise SourceError("the messages must take turns: user, assistant, user, assistant ...")
    answer = row.get("answer")
    problem = problem_of(context, spoken[0][1], None if answer is None else str(answer), system=system)
    path = _path(row, spoken, problem.ask(context.unit), context)
    found = Imported(problem)
    found.add(path)
    person = row.get("labeler") or row.get("by")
    grade = _grade(row, path, person, context)
    if grade is not None:
        found.grades.append(replace(grade, trajectory_id=path.trajectory_id, turn=path.turn))
    return found


def _messages(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    given = row.get("messages") or row.get("conversation")
    if isinstance(given, list):
        try:
            return [(str(one["role"]), str(one["content"] or "")) for one in given]
        except (KeyError, TypeError):
            raise SourceError("a message needs a role and a content") from None
    prompt, done = row.get("prompt"), _first_given(row, "completions", "completion")
    if isinstance(prompt, str) and isinstance(done, str | list):
        return [("user", prompt), ("assistant", done if isinstance(done, str) else "".join(map(str, done)))]
    raise SourceError("no chat: it needs 'messages', or 'prompt' and 'completion'")


def _path(row: Mapping[str, Any], spoken: Sequence[tuple[str, str]], question: Any, context: Context) -> Trajectory:
    """Returns a trajectory with a turn for each draft and the feedback before it."""
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
    """Returns the grade of the last draft; None if the row has no label."""
    verdict = _verdict(row.get("label"))
    labels = _first_given(row, "step_labels", "labels")
    if labels is None:
        return None if verdict is None else told(verdict, person)
    if not isinstance(labels, list) or len(labels) != len(path.draft()):
        count = len(labels) if isinstance(labels, list) else "no list of"
        raise SourceError(f"{count} labels for {len(path.draft())} steps: give one a step, or another --separator")
    grade = rated([_detail(one) for one in labels], "human", person, context.neutral)
    if verdict is None:
        return grade
    whole = told(verdict, person)
    return replace(grade, value=whole.value, verdict=whole.verdict, reason=None)


def _first_given(row: Mapping[str, Any], *columns: str) -> Any:
    """Returns the first of these columns that is not null. If a file has rows of several kinds, each row has the
    columns of the other kinds too, with null in them."""
    return next((row[column] for column in columns if row.get(column) is not None), None)


def _verdict(label: Any) -> bool | None:
    if label is None or isinstance(label, bool):
        return label
    if isinstance(label, int | float) and label in (1, 0, -1):
        return label == 1
    if isinstance(label, str) and label.lower() in WORDS:
        return WORDS[label.lower()]
    raise SourceError(f"label={label!r} is none of true, false, 1, 0, -1, {', '.join(WORDS)}")


def _detail(label: Any) -> Detail | None:
    if label is None:
        return None
    if isinstance(label, bool):
        return GOOD if label else BAD
    rating = label.lower() if isinstance(label, str) else label
    found = RATINGS.get(rating) if isinstance(rating, str | int | float) else None
    if found is None:
        raise SourceError(f"the step label {label!r} is none of 1, 0, -1, good, neutral, bad, true, false, null")
    return found
