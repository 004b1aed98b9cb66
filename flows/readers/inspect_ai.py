"""Reads samples of Inspect evaluation logs (inspect_ai 0.3), those that redraft wrote and all others."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from redraft.flows.readers.export_reader import OWN, Own, own_part, own_trajectories
from redraft.flows.readers.fields import needed, optional, texts
from redraft.flows.readers.inspect_grades import score_grades
from redraft.flows.readers.reader import Context, Dropped, Imported, answered, problem_of
from redraft.store.errors import SourceError
from redraft.store.problems import Kind, Problem
from redraft.store.sources.choice import read_choices
from redraft.store.trajectory import Stop, Trajectory

ATTACHED = "attachment://"
"""The prefix of a reference to a long text, which is stored once among the attachments of a sample."""
CUT = ("max_tokens", "model_length")
QUIET = ("reasoning", "data")
"""Types of message parts that are not part of a draft."""


def inspect_ai(row: Mapping[str, Any], context: Context) -> Imported:
    """Returns the trajectory of a sample. A sample that `redraft export --format inspect_ai` wrote is restored to its
    problem, drafts, searched tree and grades.

    In other samples, `input` (with the choices) is the question, and `target` is the known answer. Each message of the
    assistant is a draft, without the model's reasoning. A tool call is part of the draft's text, as JSON between
    <tool_call> and </tool_call>. Later messages of the user are feedback by `user`, and results of tools are feedback
    by `tool`. Each score is a grade of the last draft (`score_grades`). A draft that was cut off, or a sample that
    ended with an error or at a limit, gets the corresponding `stop`. The epoch becomes the sample number. Raises
    Dropped for a sample without a draft, or with images or audio. Raises SourceError for a row in any other form.
    """
    kept = optional(row, "store", Mapping)
    facts = optional(kept, OWN, Mapping, "store.") if kept else None
    return own_trajectories(own_part(facts, Own, f"store.{OWN}"), (), context) if facts else _other(row, context)


def _other(row: Mapping[str, Any], context: Context) -> Imported:
    """Returns the trajectory of a sample that redraft did not write."""
    attached = optional(row, "attachments", Mapping) or {}
    epoch = needed(row, "epoch", int)
    if epoch < 1:
        raise SourceError(f"epoch is {epoch}, and has to be at least 1")
    problem, tokens = _problem(row, attached, context), _tokens(row)
    path, feedback, called = Trajectory(problem.ask(context.unit), sample=epoch - 1), list[tuple[str, str]](), False
    for number, message in enumerate(needed(row, "messages", list)):
        at = f"messages[{number}]."
        role, text = needed(message, "role", str, at), _text(message, at, attached)
        if role in ("user", "tool"):
            feedback.append((role, text))
        elif role == "assistant":
            if path.steps and feedback:
                by = "tool" if all(by == "tool" for by, _ in feedback) else "user"
                path = _ended(path, called).respond("\n\n".join(text for _, text in feedback), by)
            feedback, called = [], bool(message.get("tool_calls"))
            count = tokens.get(message.get("id"), 0) if isinstance(message.get("id"), str) else 0
            path = path.grow(text, 0 if path.steps else epoch - 1, tokens=count)
    if not path.steps:
        raise Dropped("no draft")
    found = Imported(problem)
    found.add(_stopped(row, _ended(path, called)), *score_grades(row))
    return found


def _ended(path: Trajectory, called: bool) -> Trajectory:
    """Returns a trajectory whose last draft is complete. A draft that `called` a tool has no answer."""
    path = answered(path)
    return replace(path, answer=None) if called else path


def _problem(row: Mapping[str, Any], attached: Mapping[str, Any], context: Context) -> Problem:
    question = _question(row, attached)
    targets = texts(row, "target") if isinstance(row.get("target"), list) else [needed(row, "target", str)]
    choices = read_choices(row["choices"]) if row.get("choices") else []
    lines = [f"({label}) {text}" for label, text in choices]
    if not isinstance(row.get("id"), str | int):
        raise SourceError("id has to be a text or a whole number")
    answer = targets[0] if len(targets) == 1 else None
    problem = problem_of(context, "\n".join([question, *lines]), answer)
    several = {"targets": targets} if len(targets) > 1 else {}
    meta = {"sample_id": row["id"], **(optional(row, "metadata", Mapping) or {}), **problem.meta, **several}
    if answer in dict(choices):
        return replace(problem, meta=meta, kind=Kind.CHOICE, answer=answer)
    return replace(problem, meta=meta)


def _question(row: Mapping[str, Any], attached: Mapping[str, Any]) -> str:
    """Returns the input of a sample. If the input is a list of messages, returns the texts of the user's messages."""
    if not isinstance(row.get("input"), list):
        return _resolved(needed(row, "input", str), attached)
    asked = [(f"input[{number}].", message) for number, message in enumerate(row["input"])]
    found = [_text(message, at, attached) for at, message in asked if needed(message, "role", str, at) == "user"]
    if not found:
        raise SourceError("input has no message of the user")
    return "\n\n".join(found)


def _text(message: Any, at: str, attached: Mapping[str, Any]) -> str:
    """Returns the text of a message, including its tool calls. Raises Dropped for images and audio."""
    content = message.get("content") if isinstance(message, Mapping) else None
    if isinstance(content, list):
        parts = [_part(part, f"{at}content[{number}].", attached) for number, part in enumerate(content)]
        text = "".join(parts)
    else:
        text = _resolved(optional(message, "content", str, at) or "", attached)
    calls = optional(message, "tool_calls", list, at) or []
    return "\n".join([*([text] if text or not calls else []), *(_call(call, at) for call in calls)])


def _part(part: Any, at: str, attached: Mapping[str, Any]) -> str:
    kind = needed(part, "type", str, at)
    if kind in QUIET:
        return ""
    if kind == "tool_use":
        return _tool_call(needed(part, "name", str, at), part.get("arguments")) + f"\n{part.get('result', '')}\n"
    if kind != "text":
        raise Dropped("it has pictures, sounds or documents")
    return _resolved(needed(part, "text", str, at), attached)


def _call(call: Any, at: str) -> str:
    return _tool_call(needed(call, "function", str, f"{at}tool_calls."), call.get("arguments"))


def _tool_call(name: str, arguments: Any) -> str:
    called = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False, default=str)
    return f"<tool_call>{called}</tool_call>"


def _resolved(text: str, attached: Mapping[str, Any]) -> str:
    """Returns a text. If it is a reference to an attachment, returns the attachment."""
    if not text.startswith(ATTACHED):
        return text
    return needed(attached, text.removeprefix(ATTACHED), str, "attachments.")


def _tokens(row: Mapping[str, Any]) -> dict[str, int]:
    """Returns a dict from message ids to numbers of tokens, for the messages that are the only output of their call."""
    found: dict[str, int] = {}
    for number, event in enumerate(optional(row, "events", list) or []):
        at = f"events[{number}]."
        if optional(event, "event", str, at) != "model":
            continue
        output = optional(event, "output", Mapping, at) or {}
        usage = optional(output, "usage", Mapping, f"{at}output.") or {}
        choices: Sequence[Any] = optional(output, "choices", list, f"{at}output.") or []
        message = optional(choices[0], "message", Mapping, f"{at}output.choices[0].") if len(choices) == 1 else None
        if message and isinstance(message.get("id"), str):
            found[message["id"]] = optional(usage, "output_tokens", int, f"{at}output.usage.") or 0
    return found


def _stopped(row: Mapping[str, Any], path: Trajectory) -> Trajectory:
    """Returns the trajectory with the `stop` and the reason that correspond to the sample's end."""
    error, limit = optional(row, "error", Mapping), optional(row, "limit", Mapping)
    if error:
        return replace(path, stop=Stop.FAILED, reason=optional(error, "message", str, "error.") or "failed")
    if limit:
        return replace(path, stop=Stop.BUDGET, reason=f"limit: {optional(limit, 'type', str, 'limit.') or 'unknown'}")
    output = optional(row, "output", Mapping) or {}
    choices: Sequence[Any] = optional(output, "choices", list, "output.") or []
    stop = optional(choices[0], "stop_reason", str, "output.choices[0].") if choices else None
    *before, last = path.steps
    cut = replace(path, steps=(*before, replace(last, final=False)), stop=Stop.LENGTH)
    return cut if stop in CUT else path
