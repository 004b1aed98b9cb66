"""Decides how a choice of a reply ended. The finish reason may be any of the words that providers use. The choice is an
answer, is cut off at the token limit, or is lost."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from redraft.llm.model import Cause, Finish, ModelError, UnsupportedRequest
from redraft.llm.providers.shared.redaction import redacted_line
from redraft.llm.usage import Usage


class Lost(StrEnum):
    """Why a choice is not a complete answer."""

    WITHHELD = "withheld"  # a content filter removed the answer: another try fails too
    BROKEN = "broken off"  # the provider failed while it generated: another try can help
    EMPTY = "empty"  # the model ended without any text: another try can help


Ending = Finish | Lost
"""How a choice ended."""


def ending(reason: Any, native: Any = None) -> Ending | None:
    """Returns the meaning of a finish reason, regardless of case; None if it is missing or unknown.

    `native` is the finish reason of the model's own provider, which gateways and LiteLLM send beside their own. It
    takes precedence if it means more than that the model ended, because they translate "error" and "model_length" to
    "stop".
    """
    found = ENDINGS.get(reason) if isinstance(reason, str) else None
    if found is None and isinstance(reason, str):
        found = ENDINGS.get(reason.lower())
    if isinstance(native, str):
        own = ENDINGS.get(native.lower())
        return found if own in (None, Finish.END) and native != reason and found else own
    return found


WORDS: dict[Ending, tuple[str, ...]] = {
    Finish.END: (
        "stop", "eos", "eos_token", "end", "end_turn", "complete", "completed", "tool_calls", "tool_use",
        "function_call",
    ),
    Finish.STOP: ("stop_sequence",),
    Finish.LENGTH: (
        "length", "limit", "max_tokens", "max_length", "max_new_tokens", "max_output_tokens", "max_completion_tokens",
        "model_length", "model_context_window_exceeded", "context_length_exceeded", "error_limit",
    ),
    Lost.WITHHELD: (
        "content_filter", "content_filtered", "safety", "image_safety", "recitation", "language", "blocklist",
        "prohibited_content", "spii", "sensitive", "guardrail_intervened", "error_toxic", "refusal",
    ),
    Lost.BROKEN: (
        "error", "server_error", "abort", "aborted", "cancelled", "canceled", "user_cancel", "timeout", "interrupted",
        "network_error", "insufficient_system_resource", "malformed_response", "malformed_function_call",
        "unexpected_tool_call", "other",
    ),
}  # fmt: skip
"""The reasons of vLLM, SGLang, llama.cpp, TGI, OpenAI, Anthropic, Gemini, Mistral, Cohere, DeepSeek, Zhipu, Bedrock."""

ENDINGS = {word: meaning for meaning, words in WORDS.items() for word in words}


class Loss(NamedTuple):
    """Why a choice is left out of a reply. `words` are the provider's: a finish reason or an error message."""

    kind: Lost
    words: str


def judge_ending(
    reason: Any, native: Any = None, error: Any = None, *, gives_reason: bool = False, at_limit: bool = False
) -> Finish | Loss:
    """Returns how a choice ended, from its finish reason, the native finish reason, and an error inside the choice.

    A text with an unknown reason counts as an answer. So does a text without a reason, because some servers give none;
    but if the server gave a reason before (`gives_reason`), the text counts as broken off. In all these cases, a text
    that used up its tokens (`at_limit`) counts as cut off.
    """
    if error:
        message = error.get("message") if isinstance(error, dict) else error
        return Loss(Lost.BROKEN, str(message or reason))
    found = ending(reason, native)
    if found is None:
        if at_limit:
            return Finish.LENGTH
        return Loss(Lost.BROKEN, "no reason") if gives_reason and reason in (None, "") else Finish.END
    return Loss(found, str(native or reason)) if isinstance(found, Lost) else found


def is_empty(finish: Finish, text: str, thinking: str, prefix: str) -> bool:
    """Returns whether a choice is empty although the model ended by itself. It is not empty if it continues a `prefix`,
    since the model may end there at once, or if it has `thinking`."""
    return finish is Finish.END and not prefix and not thinking and not text.strip()


def no_answer(losses: Sequence[Loss], where: str, usage: Usage) -> ModelError:
    """Returns the error for a reply that has no usable choice. `losses` says why each choice was lost."""
    kinds = {loss.kind for loss in losses}
    reasons = redacted_line(", ".join(sorted({loss.words for loss in losses})))
    if kinds == {Lost.WITHHELD}:
        return UnsupportedRequest(
            f"A content filter of {where} withheld the answer ({reasons}).", cure="Leave the problem out.", usage=usage
        )
    if Lost.BROKEN in kinds:
        message, kind = f"{where} broke the answer off (it stopped for: {reasons}).", "broken answer"
    elif losses:
        message, kind = f"{where} gave no text (it stopped for: {reasons}).", "empty reply"
    else:
        message, kind = f"{where} gave no answer at all.", "empty reply"
    return ModelError(message, cure="Ask again, or ask another model.", cause=Cause.FAULT, usage=usage, kind=kind)
