"""The raw body of a provider's answer. It shows facts that LiteLLM's response lacks."""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from redraft.llm.providers.shared.error_body import error_in_reply, unreadable_reply
from redraft.llm.providers.shared.json_body import reply_in_body
from redraft.llm.providers.via_litellm.errors import Failure


class AnswerBody:
    """A `logger_fn` for one call of LiteLLM, which stores the raw body of the answer in `text`. `text` is None until an
    answer arrives."""

    def __init__(self) -> None:
        self.text: str | None = None

    def __call__(self, details: Mapping[str, Any]) -> None:
        body = details.get("original_response")
        if isinstance(body, str):
            self.text = body

    @property
    def lacks_reason(self) -> bool:
        """Returns whether a finish reason in the body is null. LiteLLM replaces null by "stop"."""
        return self.text is not None and any(sign in self.text for sign in NO_REASON)

    @property
    def gives_reason(self) -> bool:
        """Returns whether every choice has a finish reason."""
        return self.text is not None and '"finish_reason"' in self.text and not self.lacks_reason


def reply_or_failure(failure: Failure, body: AnswerBody, where: str) -> Mapping[str, Any] | Failure:
    """Returns the JSON of a reply that LiteLLM could not read, or the failure of the call.

    LiteLLM raises errors, mostly with a status that it makes up, if a reply has an error in it, has parts instead of a
    text, has no choices, or has events or comments around its JSON. Raises ModelError if the body is not a reply.
    """
    if failure.answered:
        return failure
    text = body.text if body.text is not None else _body_in_error(failure)
    if text is None:
        return failure
    try:
        reply = reply_in_body(text)
    except (ValueError, RecursionError):
        raise unreadable_reply(text.encode(), where, ()) from None
    if isinstance(reply, dict):
        if inside := error_in_reply(reply):
            return Failure.answer(inside[0], inside[1].text, inside[1].code)
        if isinstance(reply.get("choices"), list) or (reply.get("choices") is None and reply.get("usage")):
            return reply
    raise unreadable_reply(text.encode(), where, ())


def _body_in_error(failure: Failure) -> str | None:
    """Returns the body that an error quotes: broken JSON, or an answer that is not an object. Returns None if it quotes
    none."""
    for error in failure.chain:
        if isinstance(error, json.JSONDecodeError):
            return error.doc
        if found := RECEIVED.search(str(error)):
            try:
                value = ast.literal_eval(found[1])
            except (ValueError, SyntaxError):
                continue
            return value if isinstance(value, str) else json.dumps(value)
    return None


NO_REASON = ('"finish_reason": null', '"finish_reason":null')
RECEIVED = re.compile(r"Received: (.*)\. Check the reverse proxy", re.DOTALL)
