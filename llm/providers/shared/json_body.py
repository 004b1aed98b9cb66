"""Reads the JSON of a reply from a body that may have more around it: an event stream that was not requested, comments,
or an end mark."""

import json
import re
from typing import Any


def reply_in_body(body: str) -> Any:
    """Returns the JSON of a reply. Accepts NaN, lone surrogates, lines of comments before the JSON, and the lines of an
    event stream around it. Lone surrogates are replaced, because they cannot be stored. Raises ValueError and
    RecursionError if the body is not JSON."""
    body = HALVES.sub("\\\\ufffd", body.removeprefix("\ufeff"))
    try:
        return json.loads(body)
    except ValueError:
        if not EVENTS.search(body):
            raise
    lines = [line for line in body.splitlines() if line.strip() and not IGNORED.match(line)]
    done = any(DONE.fullmatch(line) for line in lines)
    data = [line.removeprefix("data:") for line in lines if not DONE.fullmatch(line)]
    if not any(line.startswith("data:") for line in lines if not DONE.fullmatch(line)):
        return json.loads("\n".join(data))
    events = [json.loads(line) for line in data]
    if len(events) == 1 and "delta" not in body:
        return events[0]
    try:
        return _joined(events, done)
    except (AttributeError, TypeError) as error:
        raise ValueError(f"the events of the stream are none of a reply: {error}") from None


def _joined(events: list[Any], done: bool) -> dict[str, Any]:
    """Returns one reply from the events of a stream. A choice without a finish reason counts as broken off, unless the
    stream is complete. If an event has an error, returns the reply with the error and without choices. Raises
    AttributeError and TypeError if an event has another form."""
    choices: dict[int, dict[str, Any]] = {}
    reply: dict[str, Any] = {}
    for event in events:
        reply |= {name: value for name, value in event.items() if name != "choices" and value is not None}
        for piece in event.get("choices") or ():
            _extend(choices, piece)
    if reply.get("error"):
        return reply
    for choice in choices.values():
        if choice["finish_reason"] is None and not done:
            choice["finish_reason"] = "interrupted"
    return reply | {"choices": [choices[index] for index in sorted(choices)]}


def _extend(choices: dict[int, dict[str, Any]], piece: Any) -> None:
    """Adds a piece of a choice to the choice with the piece's index. Raises AttributeError and TypeError if the piece
    has another form."""
    empty = {"message": {"role": "assistant"}, "finish_reason": None}
    choice = choices.setdefault(piece.get("index", 0), empty)
    delta = piece.get("delta") or piece.get("message") or {"content": piece.get("text")}
    for name, value in delta.items():
        if isinstance(value, str | list) and name != "role":
            before: Any = choice["message"].get(name) or type(value)()
            choice["message"][name] = before + value
    content = (piece.get("logprobs") or {}).get("content")
    if isinstance(content, list):
        choice.setdefault("logprobs", {"content": []})["content"].extend(content)
    for name in piece.keys() - {"delta", "message", "text", "index", "logprobs"}:
        if piece[name] is not None:
            choice[name] = piece[name]


HIGH, LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
HALVES = re.compile(rf"{HIGH}(?!{LOW})|(?<!{HIGH}){LOW}")
"""Matches escapes of lone surrogates, whose other half is missing."""

EVENTS = re.compile(r"^(?:data:|:)", re.MULTILINE)
IGNORED = re.compile(r":|(?:event|id|retry):")
DONE = re.compile(r"data:\s*\[DONE\]\s*")
