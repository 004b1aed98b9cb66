"""Interprets error replies: another try may omit a parameter, or the reply becomes a ModelError with cause and cure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from redraft.llm.model import Cause, ModelError, UnsupportedRequest
from redraft.llm.providers.openai_server.server_facts import ServerFacts
from redraft.llm.providers.shared.error_body import LONG, MONEY, ErrorBody
from redraft.llm.providers.shared.redaction import redacted_line, retry_after_s
from redraft.llm.providers.shared.unsupported import UNSUPPORTED

BUSY = (429, 503, 529)
FAULTS = (408, 409, 425)
OPTIONAL = (
    "logprobs", "top_logprobs", "seed", "stop", "temperature", "n", "response_format", "max_tokens",
    "continue_final_message", "add_generation_prompt", "top_p", "top_k", "min_p", "use_beam_search", "length_penalty",
)  # fmt: skip
PLAIN = (
    "logprobs", "top_logprobs", "temperature", "response_format", "max_tokens", "continue_final_message", "top_p",
    "top_k", "min_p", "use_beam_search", "length_penalty",
)  # fmt: skip
"""Parameters whose names refer to the parameter anywhere in an error message. Other names are also common words, and
refer to the parameter only in quotes or before "is not"."""

MEANS = {"add_generation_prompt": "continue_final_message", "length_penalty": "use_beam_search"}
"""Parameters that are only sent together with another one, which is the value."""


class EndpointMissing(ModelError):
    """The address has no such endpoint."""


def facts_after_rejection(
    facts: ServerFacts, status: int, words: ErrorBody, sent: Mapping[str, Any]
) -> ServerFacts | None:
    """Returns the updated facts if a rejected request can be sent again without some parameter; otherwise None."""
    if status not in (400, 403, 422, 501):
        return None
    named = [name for name in OPTIONAL if name in sent and _names_parameter(words, name)]
    unsupported = bool(UNSUPPORTED.search(words.text))
    for name in named:
        if name == "n" and not unsupported and sent["n"] > 2:
            return replace(facts, most=sent["n"] // 2)
        if name == "max_tokens" and not unsupported:
            continue
        if name in ("temperature", "top_p", "top_k", "min_p") and not unsupported:
            continue
        name = MEANS.get(name, name)
        return facts.without(name)
    return None


def status_error(
    status: int, headers: Mapping[str, str], words: ErrorBody, where: str, name: str, keys: Sequence[str]
) -> ModelError:
    """Returns the error for an HTTP status other than 200."""
    short = redacted_line(words.text, *keys) or f"HTTP {status}"
    if status in (401, 403):
        problem = f"{where} refuses the key for {name}" if keys else f"{where} asks for a key and there is none"
        return ModelError(
            f"{problem} ({short}).", cure="Set REDRAFT_API_KEY, or OPENAI_API_KEY, to a valid key.", fatal=True
        )
    if status == 402 or MONEY.search(f"{words.code} {words.text}"):
        return ModelError(f"The account at {where} has no money left ({short}).", cure="Top it up.", fatal=True)
    if lacks_model(status, words):
        return ModelError(f"{where} has no model {name!r} ({short}).", cure="Check --model and --api-base.", fatal=True)
    if status in (404, 405) or 300 <= status < 400:
        moved = f"it says to go to {redacted_line(headers['location'], *keys)}" if "location" in headers else short
        return EndpointMissing(
            f"{where} does not speak OpenAI's protocol (HTTP {status}: {moved}).", cure="Check --api-base.", fatal=True
        )
    if status in BUSY:
        return ModelError(
            f"{where} is too busy for {name} ({short}).",
            cure="Lower --concurrency.",
            cause=Cause.BUSY,
            wait_s=retry_after_s(headers, words.text),
        )
    if status >= 500 or status in FAULTS:
        return ModelError(
            f"{where} failed with HTTP {status} ({short}).",
            cure="Try again later.",
            cause=Cause.FAULT,
            wait_s=retry_after_s(headers, words.text),
        )
    if LONG.search(f"{words.code} {words.text}"):
        return UnsupportedRequest(
            f"The prompt and --max-tokens are too long for {name} ({short}).", cure="Lower --max-tokens."
        )
    return UnsupportedRequest(f"{where} rejects the request to {name} ({short}).")


def lacks_model(status: int, words: ErrorBody) -> bool:
    """Returns whether the error says that the model does not exist."""
    if status == 404 and "model" in words.text.lower():
        return True
    return status in (400, 404, 422) and bool(NO_MODEL.search(f"{words.code} {words.text}"))


def _names_parameter(words: ErrorBody, name: str) -> bool:
    if words.param == name:
        return True
    bare = rf"\b{name}\b" if name in PLAIN else rf"\b{name} is not\b|\bparameters?:? {name}\b"
    return bool(re.search(rf"['\"`]{name}['\"`]|{bare}", words.text))


NO_MODEL = re.compile(
    r"model_not_found|pinned to|model\b.{0,120}(?:does not exist|not found|not available)"
    r"|(?:no such|unknown|invalid) model",
    re.IGNORECASE | re.DOTALL,
)
