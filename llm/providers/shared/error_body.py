"""Reads the body of an error reply, and of a successful reply that can't be used."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from redraft.llm.model import Cause, ModelError
from redraft.llm.providers.shared.redaction import redacted_line


class ErrorBody:
    """The body of an error reply: its message, the parameter that the error is about, and its error code."""

    def __init__(self, body: bytes) -> None:
        text = body.decode("utf-8", "replace")
        self.text, self.param, self.code = text, "", ""
        self.page = text.lstrip()[:1] == "<"
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            if self.page:
                self.text = TAGS.sub(" ", text)
            return
        if isinstance(data, Mapping):
            self._read(data)

    def _read(self, data: Mapping[str, Any]) -> None:
        error = data.get("error", data)
        if isinstance(error, str):
            self.text = error
        elif isinstance(error, Mapping):
            self.param = str(error.get("param") or "")
            self.code = str(error.get("code") or error.get("type") or "")
            self.text = _message(error) or self.text


def unreadable_reply(body: bytes, where: str, keys: Sequence[str], setting: str = "--api-base") -> ModelError:
    """Returns the error for a body that is not a valid reply although its status is 200. The usage is unknown.
    `setting` is the option that the user gave the address with."""
    words = ErrorBody(body)
    if not body.strip():
        message, cure = f"{where} answered with nothing.", "Try again later."
    elif words.page:
        message = f"{where} answered with a web page, not with JSON ({redacted_line(words.text, *keys)})."
        cure = f"Check {setting}."
    else:
        message, cure = f"{where} answered with broken JSON ({redacted_line(words.text, *keys)}).", "Try again later."
    return ModelError(message, cure=cure, cause=Cause.FAULT, usage=None, kind="bad reply")


def error_in_reply(data: Mapping[str, Any]) -> tuple[int, ErrorBody] | None:
    """Returns the status and the body of an error in a reply whose status is 200, or None if the reply has no error.
    Gateways add such an error to a reply, and older versions of vLLM send it instead of a reply."""
    error = data if data.get("object") == "error" else data.get("error")
    if not error or data.get("choices"):
        return None
    code = str(error.get("code", "")) if isinstance(error, Mapping) else ""
    return (int(code) if re.fullmatch("[45][0-9][0-9]", code) else 500), ErrorBody(
        json.dumps({"error": error}).encode()
    )


def _message(error: Mapping[str, Any]) -> str:
    """Returns the message of an error. FastAPI sends the message under `detail`, as a text or as a list of locations
    and messages."""
    for name in ("message", "detail", "msg", "error"):
        value = error.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list):
            return "; ".join(_located_message(one) for one in value)
        if isinstance(value, Mapping):
            return _message(value)
    return ""


def _located_message(one: Any) -> str:
    if not isinstance(one, Mapping):
        return str(one)
    place = [str(part) for part in one.get("loc", ()) if part != "body"]
    return f"'{'.'.join(place)}': {one.get('msg', '')}" if place else str(one.get("msg", one))


TAGS = re.compile(r"<(style|script).*?</\1>|<[^>]*>", re.DOTALL)
MONEY = re.compile(
    r"insufficient_quota|exceeded your current quota|insufficient (?:balance|credits|funds)", re.IGNORECASE
)
LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|context (?:length|size|window)|too (?:long|large)|reduce the length"
    r"|max_model_len|max_(?:completion_)?tokens",
    re.IGNORECASE,
)
