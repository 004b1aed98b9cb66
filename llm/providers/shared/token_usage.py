"""Reads the usage that a reply reports, in any of the forms that providers use, or estimates it."""

from collections.abc import Sequence
from typing import Any

from redraft.llm.model import Choice, Request
from redraft.llm.usage import Usage

CHARACTERS = 4  # estimated characters per token, if neither the server nor log-probabilities give a count


def reply_usage(given: Any, choices: Sequence[Choice], request: Request) -> Usage:
    """Returns the usage that a reply reports. Missing counts are estimated from the number of log-probabilities, or
    else from the length of the text, and are never zero."""
    prompt = count(given, "prompt_tokens") or _estimate_tokens(sum(len(m.content) for m in request.messages))
    completion = count(given, "completion_tokens")
    seen = 0
    for choice in choices:
        if choice.logprobs is None:
            seen = 0
            break
        seen += len(choice.logprobs)
    completion = max(completion, seen)
    written = sum([len(choice.text) + len(choice.thinking) for choice in choices])
    completion = completion or (_estimate_tokens(written) if choices else 0)
    reasoning = count(_part(given, "completion_tokens_details"), "reasoning_tokens") or count(given, "reasoning_tokens")
    thought = sum([len(choice.thinking) for choice in choices])
    if thought and not reasoning:
        reasoning = max(1, completion * thought // written)
    cached = (
        count(_part(given, "prompt_tokens_details"), "cached_tokens")
        or count(given, "prompt_cache_hit_tokens")
        or count(given, "cache_read_input_tokens")
    )
    return Usage(prompt, completion, min(cached, prompt), min(reasoning, completion))


def count(given: Any, name: str) -> int:
    """Returns a count of tokens in a reported usage; 0 if it is missing or not a number."""
    value = _part(given, name)
    return int(value) if value and isinstance(value, int | float) and 0 < value < 2**53 else 0


def _part(given: Any, name: str) -> Any:
    return given.get(name) if isinstance(given, dict) else getattr(given, name, None)


def _estimate_tokens(characters: int) -> int:
    return 1 + characters // CHARACTERS
