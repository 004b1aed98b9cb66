"""Reads documents of the Agent Trajectory Interchange Format (ATIF, of the Harbor framework)."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from redraft.flows.readers.export_reader import OWN, Own, OwnStep, own_part, own_trajectories
from redraft.flows.readers.fields import needed, optional
from redraft.flows.readers.reader import Context, Dropped, Imported, answered, problem_of
from redraft.store.errors import SourceError
from redraft.store.problems import Problem
from redraft.store.trajectory import Trajectory

LAYOUT = "ATIF-v1."


def atif(row: Mapping[str, Any], context: Context) -> Imported:
    """Returns the trajectories of a document. A document that `redraft export --format atif` wrote is restored to its
    problem, drafts, searched tree and grades.

    In other documents, the first message of the user is the question, each message of the agent is a step, and each
    later message of the user is feedback. A model's reasoning is not part of a draft. Raises Dropped for a document
    with tools, copied context or images, which a draft cannot represent, and for a document without a question or a
    draft. Raises SourceError for a row in any other form.
    """
    layout = needed(row, "schema_version", str)
    if not layout.startswith(LAYOUT):
        raise SourceError(f"schema_version is {layout[:40]!r}, and has to be {LAYOUT}x")
    extra = optional(row, "extra", Mapping)
    own = optional(extra, OWN, Mapping, "extra.") if extra else None
    steps = needed(row, "steps", list)
    return _own_document(steps, own, context) if own else _other_document(row, steps, context)


def _other_document(row: Mapping[str, Any], steps: Sequence[Any], context: Context) -> Imported:
    """Returns the single trajectory of a document that redraft did not write."""
    asked: list[str] = []
    path: Trajectory | None = None
    problem: Problem | None = None
    for number, step in enumerate(steps):
        at = f"steps[{number}]."
        source, text = needed(step, "source", str, at), _message(step, at)
        if source == "system":
            continue
        if source == "user" and path is None:
            asked.append(text)
            continue
        if path is None:
            if not asked:
                raise Dropped("no question before the first draft")
            problem = problem_of(context, "\n\n".join(asked))
            path = Trajectory(problem.ask(context.unit))
        path = (
            answered(path).respond(text, "user") if source == "user" else path.grow(text, 0, tokens=_tokens(step, at))
        )
    if path is None or problem is None or path.steps[-1].by != "model":
        raise Dropped("no draft at its end")
    found = Imported(problem)
    found.add(answered(path))
    return found


def _message(step: Any, at: str) -> str:
    """Returns the text of a step. Raises Dropped for content that a draft cannot represent."""
    if optional(step, "tool_calls", list, at) or optional(step, "observation", Mapping, at):
        raise Dropped("it uses tools")
    if optional(step, "is_copied_context", bool, at):
        raise Dropped("it copies context from another trajectory")
    message = step.get("message")
    if isinstance(message, list) and any(isinstance(part, Mapping) and part.get("source") for part in message):
        raise Dropped("it has images or sounds")
    if isinstance(message, list):
        return "".join(needed(part, "text", str, f"{at}message[{number}].") for number, part in enumerate(message))
    return needed(step, "message", str, at)


def _tokens(step: Any, at: str) -> int:
    metrics = optional(step, "metrics", Mapping, at)
    return (optional(metrics, "completion_tokens", int, f"{at}metrics.") or 0) if metrics else 0


def _own_document(steps: Sequence[Any], facts: Mapping[str, Any], context: Context) -> Imported:
    """Returns the trajectories of a document that redraft wrote."""
    own = own_part(facts, Own, f"extra.{OWN}")
    shown: list[OwnStep] = []
    for number, step in enumerate(steps[1:], start=1):
        at = f"steps[{number}]."
        extra = needed(needed(step, "extra", Mapping, at), OWN, Mapping, f"{at}extra.")
        kept = own_part(extra, OwnStep, f"{at}extra.{OWN}")
        shown.append(replace(kept, text=needed(step, "message", str, at)))
    return own_trajectories(own, shown, context)
