"""Converts replies of LiteLLM to redraft's own types."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from redraft.llm.model import Cause, Choice, Finish, ModelError, Reply, Request
from redraft.llm.providers.shared.stop_strings import align_tokens, cut_at_stop, with_token_counts
from redraft.llm.providers.shared.thinking import split_inline_thinking
from redraft.llm.usage import Usage

FINISHES = {"stop": Finish.END, "length": Finish.LENGTH}


def read_response(response: Any, request: Request, stop: Sequence[str], *, trimmed: bool = False) -> Reply:
    """Returns the reply in a LiteLLM response.

    Samples that a filter stopped, and empty samples, are left out; but an empty sample stays if thinking used up the
    token limit. `stop` are the stop strings that were sent; `trimmed` says that the model saw the prefix without the
    white space at its end. Raises ModelError if no sample is left.
    """
    read_choices = [_choice(choice, request, stop, trimmed) for choice in response.choices or ()]
    choices = [choice for choice in read_choices if choice is not None][: request.n]
    used = usage(response)
    if not choices:
        raise _empty(response, used)
    return Reply(choices=with_token_counts(choices, used.completion), usage=used, cost_usd=_cost(response))


def usage(response: Any) -> Usage:
    """Returns the usage that a response reports."""
    used = getattr(response, "usage", None)
    cached = _count(getattr(used, "prompt_tokens_details", None), "cached_tokens")
    return Usage(
        _count(used, "prompt_tokens"),
        _count(used, "completion_tokens"),
        cached or _count(used, "cache_read_input_tokens"),
        _count(getattr(used, "completion_tokens_details", None), "reasoning_tokens"),
    )


def _choice(choice: Any, request: Request, stop: Sequence[str], trimmed: bool) -> Choice | None:
    message = choice.message
    text, thinking = split_message(message, request.prefix)
    text, stopped = cut_at_stop(_continuation(text, request.prefix, trimmed), request.stop)
    finish = FINISHES.get(choice.finish_reason)
    if finish is None or (not text and finish is not Finish.LENGTH and not stopped):
        return None
    if stopped or (finish is Finish.END and stop and _stop_string(choice, stop)):
        finish = Finish.STOP
    spelled = align_tokens(_tokens(choice), text, thought=bool(thinking)) if text else None
    logprobs, offsets = spelled if spelled and all(map(isfinite, spelled[0])) else (None, None)
    return Choice(text, finish, tokens=0, logprobs=logprobs, offsets=offsets, thinking=thinking)


def _continuation(text: str, prefix: str, trimmed: bool) -> str:
    """Returns the text after the prefix, which some providers, or LiteLLM, repeat. The text begins with the white space
    at the prefix's end if the model did not see it there."""
    text = text.removeprefix(prefix)
    return text.removeprefix(prefix[len(prefix.rstrip()) :]) if trimmed else text


def split_message(message: Any, prefix: str = "") -> tuple[str, str]:
    """Returns the text of a message and its thinking, which is a field of the message or, with some providers, precedes
    the text."""
    text = message.content or ""
    blocks = getattr(message, "thinking_blocks", None) or ()
    thinking = getattr(message, "reasoning_content", None) or "".join(
        str(block.get("thinking") or "") for block in blocks
    )
    if prefix:
        return text, thinking
    return (text.lstrip(), thinking) if thinking else split_inline_thinking(text, unopened=False)[:2]


def _stop_string(choice: Any, stop: Sequence[str]) -> bool:
    """Returns whether a stop string ended the text. If the server reports no reason, a stop string counts as the
    cause."""
    reason = stop_reason(choice)
    return reason is UNREPORTED or reason in stop


def stop_reason(choice: Any) -> Any:
    """Returns what ended a choice, as the server reports it; UNREPORTED if it reports nothing."""
    reason = getattr(choice, "stop_reason", None)
    return reason or (getattr(choice, "provider_specific_fields", None) or {}).get("stop_reason", UNREPORTED)


def _tokens(choice: Any) -> list[tuple[bytes, float]]:
    content = getattr(getattr(choice, "logprobs", None), "content", None) or ()
    return [
        (bytes(token.bytes) if token.bytes is not None else token.token.encode("utf-8", "surrogatepass"), token.logprob)
        for token in content
    ]


def _count(usage: Any, name: str) -> int:
    return int(getattr(usage, name, None) or 0)


def _cost(response: Any) -> float | None:
    cost = getattr(response, "_hidden_params", {}).get("response_cost")
    return None if cost is None else float(cost)


def _empty(response: Any, used: Usage) -> ModelError:
    reasons = sorted({str(choice.finish_reason) for choice in response.choices or ()})
    if "content_filter" in reasons:
        return ModelError(
            "The provider's content filter stopped the answer.", cure="Leave the problem out.", usage=used
        )
    if reasons:
        message = f"The model gave no text (it stopped for: {', '.join(reasons)})."
    else:
        message = "The model gave no answer at all."
    cure = "Ask again, or ask another model."
    return ModelError(message, cure=cure, cause=Cause.FAULT, usage=used, kind="empty reply")


UNREPORTED = object()
