"""The record of a call and of its answers: ids, parameters and usage."""

import time
from collections.abc import Iterable
from math import isfinite
from typing import Any

import numpy as np
from msgspec.structs import replace

from redraft.llm.model import Choice, ModelError, Reply, Request
from redraft.llm.usage import Amount, Prices, Usage
from redraft.store.calls import Call
from redraft.store.digest import digest

DECIMALS = 6  # decimals of a log-probability in the record


def stored_choice(choice: Choice, call_id: str) -> Choice:
    """Returns a choice as the journal records it. Log-probabilities are rounded to DECIMALS decimals, or are None if
    one of them is not finite. Lone surrogates in the texts are replaced, because no reader of the store could decode
    them."""
    logprobs, offsets = choice.logprobs, choice.offsets
    if logprobs is not None:
        logprobs = tuple(np.array(logprobs).round(DECIMALS).tolist()) if isfinite(sum(logprobs)) else None
    offsets = offsets if logprobs is not None else None
    text, thinking = _whole(choice.text), _whole(choice.thinking)
    return Choice(text, choice.finish, choice.tokens, logprobs, offsets, thinking, call_id)


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def call_key(call: Call, first: int, n: int) -> str:
    """Returns the id of the call for the samples `first` to `first + n - 1`. The id does not depend on the time."""
    return digest("call", call.unit, call.purpose, call.place, first, n, call.prompt_hash)


def count_failures(calls: Iterable[Call], key: str) -> int:
    """Returns how many of these calls have the key `key` and failed."""
    return sum(call.error is not None and call_key(call, call.first, call.n) == key for call in calls)


def total_used(calls: Iterable[Call]) -> Amount:
    """Returns the amount of a budget that these calls used: tries, tokens of prompts and completions, and US dollars if
    known."""
    total = Amount()
    for call in calls:
        total.add(Amount(call.attempts, call.prompt_tokens + call.completion_tokens, call.cost_usd or 0.0))
    return total


def call_params(request: Request, seed: int) -> dict[str, Any]:
    """Returns the parameters of a call. `seed` is the run's seed."""
    return {
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "stop": list(request.stop),
        "seed": seed,
        **request.truncation.given(),
        **({"length_penalty": request.beam.length_penalty} if request.beam else {}),
    }


def answered_call(call: Call, first: int, reply: Reply) -> Call:
    """Returns a copy of the call to which its reply was added. `first` is the index of the reply's first sample."""
    n, choices, usage = len(reply.choices), reply.choices, reply.usage
    return Call(  # `replace` takes three times as long, and this runs for every call
        call_id=call_key(call, first, n),
        unit=call.unit,
        problem_id=call.problem_id,
        purpose=call.purpose,
        place=call.place,
        first=first,
        n=n,
        model=call.model,
        prompt_hash=call.prompt_hash,
        params=call.params,
        prompt_tokens=usage.prompt,
        completion_tokens=usage.completion,
        cached_tokens=usage.cached,
        reasoning_tokens=usage.reasoning,
        cost_usd=reply.cost_usd,
        latency_ms=reply.latency_ms,
        attempts=reply.attempts,
        finish_reason=choices[0].finish.value if n == 1 else ",".join(sorted({choice.finish for choice in choices})),
        answered_at=round(time.time(), 3),
        failed_tries=reply.failed_tries,
    )


def failed_call(call: Call, number: int, error: ModelError, latency_ms: float, prices: Prices | None) -> Call:
    """Returns a copy of the call to which its error and the usage of its tries were added. `number` counts the failures
    of the same call, from 1."""
    usage = error.usage or Usage()
    return replace(
        call,
        call_id=digest(call_key(call, call.first, call.n), "failed", number),
        error=str(error),
        latency_ms=latency_ms,
        attempts=error.attempts,
        answered_at=round(time.time(), 3),
        failed_tries=error.failed_tries,
        **_token_counts(usage),
        cost_usd=prices.cost(usage) if prices and usage.tokens else None,
    )


def elapsed_ms(start: float) -> float:
    """Returns the milliseconds since `start`, a value of `time.perf_counter`."""
    return round((time.perf_counter() - start) * 1000, 3)


def _token_counts(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "cached_tokens": usage.cached,
        "reasoning_tokens": usage.reasoning,
    }
