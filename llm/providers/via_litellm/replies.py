"""Converts LiteLLM's replies to redraft's types."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from redraft.llm.model import Choice, Finish, Reply, Request
from redraft.llm.providers.shared.finish_reasons import Loss, Lost, is_empty, judge_ending, no_answer
from redraft.llm.providers.shared.stop_strings import align_tokens, cut_at_stop, with_token_counts
from redraft.llm.providers.shared.thinking import split_thinking
from redraft.llm.providers.shared.token_usage import count, reply_usage

UNREPORTED = object()


@dataclass(frozen=True, slots=True)
class Habits:
    """Known facts about a provider that affect how its reply is read. `where` is the provider's name or address."""

    where: str
    stop: Sequence[str] = ()  # the stop strings that were sent
    trimmed: bool = False  # the model saw the prefix without the whitespace at its end
    unopened: bool = False  # the thinking begins without a tag
    gives_reason: bool = False  # an earlier reply said why its text ended
    lacks_reason: bool = False  # this reply does not say so, and LiteLLM inserts "stop"


def read_response(response: Any, request: Request, habits: Habits) -> Reply:
    """Returns the reply from a LiteLLM response or from the JSON of a reply. Choices without an answer are left out.
    Raises ModelError if no choice remains."""
    given, used = field(response, "choices") or (), field(response, "usage")
    at_limit = len(given) == 1 and count(used, "completion_tokens") >= request.max_tokens
    choices: list[Choice] = []
    losses: list[Loss] = []
    for one in given:
        choice = _choice(one, request, habits, at_limit)
        if isinstance(choice, Loss):
            losses.append(choice)
        else:
            choices.append(choice)
    usage = reply_usage(used, choices, request)
    if not choices:
        raise no_answer(losses, habits.where, usage)
    counted = with_token_counts(choices[: request.n], usage.completion)
    return Reply(choices=counted, usage=usage, cost_usd=_cost(response))


def _choice(choice: Any, request: Request, habits: Habits, at_limit: bool) -> Choice | Loss:
    reason, own = field(choice, "finish_reason"), field(choice, "provider_specific_fields") or {}
    native = field(choice, "native_finish_reason") or own.get("native_finish_reason")
    if habits.lacks_reason and reason == "stop" and native is None:
        reason = None
    error = field(choice, "error") or own.get("error")
    finish = judge_ending(reason, native, error, gives_reason=habits.gives_reason, at_limit=at_limit)
    if isinstance(finish, Loss):
        return finish
    message = field(choice, "message") or {"content": field(choice, "text")}
    text, thinking, _ = split_message(message, request.prefix, habits.unopened)
    text, stopped = cut_at_stop(_continuation(text, request.prefix, habits.trimmed), request.stop)
    if stopped or (finish is Finish.END and habits.stop and _stop_string(choice, habits.stop)):
        if thinking and not text:
            return Loss(Lost.EMPTY, "a stop string in the thinking")
        finish = Finish.STOP if stopped or text or stop_reason(choice) is not UNREPORTED else finish
    if is_empty(finish, text, thinking, request.prefix):
        return Loss(Lost.EMPTY, str(native or reason))
    spelled = align_tokens(_tokens(choice), text, thought=bool(thinking)) if text else None
    logprobs, offsets = spelled if spelled and all(map(isfinite, spelled[0])) else (None, None)
    return Choice(text, finish, tokens=0, logprobs=logprobs, offsets=offsets, thinking=thinking)


def _continuation(text: str, prefix: str, trimmed: bool) -> str:
    """Returns the text without the prefix, which some providers, or LiteLLM, repeat. With `trimmed`, the model did not
    see the whitespace at the end of the prefix; if the text begins with this whitespace, it is removed too."""
    text = text.removeprefix(prefix)
    return text.removeprefix(prefix[len(prefix.rstrip()) :]) if trimmed else text


def split_message(message: Any, prefix: str = "", unopened: bool = False) -> tuple[str, str, bool]:
    """Returns a triple: the text of a message, its thinking, and whether the thinking lacked its opening tag. LiteLLM
    moves fields that it does not know to `provider_specific_fields`."""
    own = field(message, "provider_specific_fields") or {}
    known = {name: value for name in KNOWN if (value := field(message, name))}
    return split_thinking({**own, **known}, unopened and not prefix, prefix)


def field(holder: Any, name: str) -> Any:
    """Returns a field of one of LiteLLM's objects, or of a dictionary; None if it is missing."""
    return holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)


def _stop_string(choice: Any, stop: Sequence[str]) -> bool:
    """Returns whether a stop string ended the text. If the server reports no reason, a stop string is assumed."""
    reason = stop_reason(choice)
    return reason is UNREPORTED or reason in stop


def stop_reason(choice: Any) -> Any:
    """Returns what ended a choice, as the server reports it, or UNREPORTED if it reports nothing."""
    reason = field(choice, "stop_reason")
    return reason or (field(choice, "provider_specific_fields") or {}).get("stop_reason", UNREPORTED)


def _tokens(choice: Any) -> list[tuple[bytes, float]]:
    content = field(field(choice, "logprobs"), "content") or ()
    if content and isinstance(content[0], dict):
        listed = [(token.get("token"), token.get("bytes"), token.get("logprob")) for token in content]
    else:
        listed = [(token.token, token.bytes, token.logprob) for token in content]
    return [
        (bytes(spelled) if spelled is not None else token.encode("utf-8", "surrogatepass"), logprob)
        for token, spelled, logprob in listed
    ]


def _cost(response: Any) -> float | None:
    cost = getattr(response, "_hidden_params", {}).get("response_cost")
    return None if cost is None else float(cost)


KNOWN = ("content", "reasoning_content", "reasoning", "thinking_blocks", "refusal")
