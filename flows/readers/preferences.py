"""Reads pairs of a better and a worse answer, in the columns of trainers of DPO and of reward models."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from redraft.flows.readers.chats import listed
from redraft.flows.readers.fields import needed
from redraft.flows.readers.reader import Context, Imported, problem_of, written
from redraft.store.errors import SourceError
from redraft.store.trajectory import Grade

GRADER = "preference"


def preferences(row: Mapping[str, Any], context: Context) -> Imported:
    """Returns the two answers of a row as drafts with one step each. A grade by `preference` has the value 1 for the
    better answer and 0 for the worse one. It has no verdict, because both answers may be right, or wrong.

    A row has the columns `chosen` and `rejected`, and also `prompt` if these do not begin with the question. Each is a
    string or a list of messages, as `redraft export` writes `dpo`, `best_worst` and `orm` with pairs. Alternatively a
    row has `messages`, whose last message is the better answer, and `rejected_response`. Raises SourceError for a row
    in any other form, and for a row with more than one question.
    """
    asked, better, worse = _pair(row)
    if [role for role, _ in asked if role != "system"] != ["user"]:
        raise SourceError("a pair must answer one question: the messages before the answers must be one of the user")
    system = "\n\n".join(text for role, text in asked if role == "system") or None
    question = next(text for role, text in asked if role == "user")
    problem = problem_of(context, question, row.get("answer"), system=system)
    found = Imported(problem)
    for number, (text, value) in enumerate(((better, 1.0), (worse, 0.0))):
        path = written(problem.ask(context.unit), [text], sibling=number)
        found.add(replace(path, sample=number), Grade(GRADER, "", 1, value=value))
    return found


def _pair(row: Mapping[str, Any]) -> tuple[list[tuple[str, str]], str, str]:
    """Returns a triple: the messages before the answers, the better answer, and the worse answer."""
    if row.get("rejected_response") is not None:
        *asked, (_, better) = listed(row, "messages") or [("", "")]
        return asked, better, needed(row, "rejected_response", str)
    prompt = _messages(row, "prompt", "user") if row.get("prompt") is not None else []
    chosen, rejected = (_messages(row, name, "assistant") for name in ("chosen", "rejected"))
    if not chosen or not rejected or chosen[:-1] != rejected[:-1]:
        raise SourceError("chosen and rejected must each end with an answer, after the same messages")
    return [*prompt, *chosen[:-1]], chosen[-1][1], rejected[-1][1]


def _messages(row: Mapping[str, Any], column: str, role: str) -> list[tuple[str, str]]:
    """Returns the messages of a column as pairs of role and text. A string is one message with the role `role`."""
    if isinstance(row.get(column), list):
        return listed(row, column)
    text = needed(row, column, str)
    return [(role, text.strip() if role == "user" else text)]
