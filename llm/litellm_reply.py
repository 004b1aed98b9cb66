"""What a provider answered through LiteLLM, in redraft's own words."""

from collections.abc import Sequence
from typing import Any

from redraft.llm.model import Choice, Finish, ModelError, Reply, Request
from redraft.llm.reading import aligned, cut, with_tokens
from redraft.llm.usage import Usage

FINISHES = {"stop": Finish.END, "length": Finish.LENGTH}


def read(response: Any, request: Request, attempts: int) -> Reply:
    """The reply in a LiteLLM response. Samples that a filter stopped, and empty ones, are left out of it.

    Raises ModelError where none is left. An empty one that ran into the token limit stays: thinking used it up.
    """
    read_choices = [_choice(choice, request) for choice in response.choices or ()]
    choices = [choice for choice in read_choices if choice is not None][: request.n]
    if not choices:
        raise ModelError(_emptiness(response), cure="Ask again, or ask another model.")
    usage = getattr(response, "usage", None)
    return Reply(
        choices=with_tokens(choices, _count(usage, "completion_tokens")),
        usage=Usage(
            _count(usage, "prompt_tokens"),
            _count(usage, "completion_tokens"),
            _count(getattr(usage, "prompt_tokens_details", None), "cached_tokens"),
            _count(getattr(usage, "completion_tokens_details", None), "reasoning_tokens"),
        ),
        cost_usd=_cost(response),
        attempts=attempts,
    )


def _choice(choice: Any, request: Request) -> Choice | None:
    message = choice.message
    text, stopped = cut(message.content or "", request.stop)
    finish = FINISHES.get(choice.finish_reason)
    if finish is None or (not text and finish is not Finish.LENGTH and not stopped):
        return None
    if stopped or (finish is Finish.END and request.stop and _stop_string(choice, request.stop)):
        finish = Finish.STOP
    spelled = aligned(_tokens(choice), text)
    logprobs, offsets = spelled if spelled and text else (None, None)
    thinking = getattr(message, "reasoning_content", None) or ""
    return Choice(text, finish, tokens=0, logprobs=logprobs, offsets=offsets, thinking=thinking)


def _stop_string(choice: Any, stop: Sequence[str]) -> bool:
    """Whether a stop string ended the text. A server that does not say which one is taken to mean that one did."""
    reason = getattr(choice, "stop_reason", None) or (getattr(choice, "provider_specific_fields", None) or {}).get(
        "stop_reason", UNSAID
    )
    return reason is UNSAID or reason in stop


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


def _emptiness(response: Any) -> str:
    reasons = sorted({str(choice.finish_reason) for choice in response.choices or ()})
    if reasons:
        return f"The model gave no text (it stopped for: {', '.join(reasons)})."
    return "The model gave no answer at all."


UNSAID = object()
