"""What a provider answered through LiteLLM, in redraft's own words."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from redraft.llm.model import Cause, Choice, Finish, ModelError, Reply, Request
from redraft.llm.reading import aligned, cut, with_tokens
from redraft.llm.usage import Usage

FINISHES = {"stop": Finish.END, "length": Finish.LENGTH}


def read(response: Any, request: Request) -> Reply:
    """The reply in a LiteLLM response. Samples that a filter stopped, and empty ones, are left out of it.

    Raises ModelError where none is left. An empty one that ran into the token limit stays: thinking used it up.
    """
    read_choices = [_choice(choice, request) for choice in response.choices or ()]
    choices = [choice for choice in read_choices if choice is not None][: request.n]
    used = usage(response)
    if not choices:
        raise _empty(response, used)
    return Reply(choices=with_tokens(choices, used.completion), usage=used, cost_usd=_cost(response))


def usage(response: Any) -> Usage:
    """What a response says that it used."""
    used = getattr(response, "usage", None)
    cached = _count(getattr(used, "prompt_tokens_details", None), "cached_tokens")
    return Usage(
        _count(used, "prompt_tokens"),
        _count(used, "completion_tokens"),
        cached or _count(used, "cache_read_input_tokens"),
        _count(getattr(used, "completion_tokens_details", None), "reasoning_tokens"),
    )


def _choice(choice: Any, request: Request) -> Choice | None:
    message = choice.message
    whole = message.content or ""
    text, stopped = cut(_continuation(whole, request.prefix), request.stop)
    finish = FINISHES.get(choice.finish_reason)
    if finish is None or (not text and finish is not Finish.LENGTH and not stopped):
        return None
    if stopped or (finish is Finish.END and request.stop and _stop_string(choice, request.stop)):
        finish = Finish.STOP
    spelled = aligned(_tokens(choice), text) if text else None
    logprobs, offsets = spelled if spelled and all(map(isfinite, spelled[0])) else (None, None)
    return Choice(text, finish, tokens=0, logprobs=logprobs, offsets=offsets, thinking=_thinking(message))


def _continuation(text: str, prefix: str) -> str:
    """What comes after the prefix. Some providers send the prefix again; some take it without the white space at its
    end, which then begins what they write."""
    if not prefix:
        return text
    if text.startswith(prefix):
        return text[len(prefix) :]
    space = prefix[len(prefix.rstrip()) :]
    return text.removeprefix(space) if space else text


def _thinking(message: Any) -> str:
    thinking = getattr(message, "reasoning_content", None)
    if thinking:
        return str(thinking)
    blocks = getattr(message, "thinking_blocks", None) or ()
    return "".join(str(block.get("thinking") or "") for block in blocks)


def _stop_string(choice: Any, stop: Sequence[str]) -> bool:
    """Whether a stop string ended the text. A server that does not say which one is taken to mean that one did."""
    reason = stop_reason(choice)
    return reason is UNSAID or reason in stop


def stop_reason(choice: Any) -> Any:
    """What the server says that ended a choice; UNSAID where it says nothing."""
    reason = getattr(choice, "stop_reason", None)
    return reason or (getattr(choice, "provider_specific_fields", None) or {}).get("stop_reason", UNSAID)


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
        said = f"The model gave no text (it stopped for: {', '.join(reasons)})."
    else:
        said = "The model gave no answer at all."
    return ModelError(said, cure="Ask again, or ask another model.", cause=Cause.FAULT, usage=used)


UNSAID = object()
