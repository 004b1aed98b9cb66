"""Converts calls to models to events of an Inspect log."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from redraft.flows.formats.trajectories.unit_tree import OWN, choice_of, choices_of, known, own_call, timestamp
from redraft.store.tables.reading.units import Facts

SETTINGS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "max_tokens",
    "seed": "seed",
}
"""The parameters of a call, by the names of Inspect's settings."""
FINISHES = {"end": "stop", "stop": "stop", "length": "max_tokens"}
SHOWN = ("model", "params", "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "cost_usd",
         "error", "answered_at")  # fmt: skip
"""The facts of a call that have their own fields in an event."""


def model_events(calls: Sequence[Facts], way: Sequence[Facts], counted: set[str]) -> list[dict[str, Any]]:
    """Returns an event for each call. If a call wrote steps of `way`, its event has only the choices that wrote them;
    otherwise it has all choices. A call in `counted` has no usage, because an earlier event has it; all other calls are
    added to `counted`. The store has no prompts, so `input` is empty."""
    wrote: dict[str, list[Facts]] = {}
    for call_id, together in groupby(way, lambda step: step["call_id"]):
        wrote.setdefault(call_id, list(together))
    first = min((_start(call) for call in calls), default=0.0)
    found = [_event(call, wrote.get(call["call_id"], ()), first, call["call_id"] not in counted) for call in calls]
    counted.update(call["call_id"] for call in calls)
    return found


def total_usage(events: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Returns the sum of the usage of events, by model."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        add_usage(found, {event["model"]: event["output"].get("usage") or {}})
    return found


def add_usage(total: dict[str, dict[str, Any]], more: Mapping[str, Mapping[str, Any]]) -> None:
    """Adds the usage `more` to `total`, by model."""
    for model, usage in more.items():
        if usage:
            one = total.setdefault(model, {})
            one.update({name: one.get(name, 0) + count for name, count in usage.items()})


def _start(call: Facts) -> float:
    """Returns the time of a call in seconds since 1970, or 0 if it is not known."""
    return (call["answered_at"] or 0.0) - (call["latency_ms"] or 0.0) / 1000 if call["answered_at"] else 0.0


def _event(call: Facts, wrote: Sequence[Facts], first: float, counts: bool) -> dict[str, Any]:
    own = {name: value for name, value in own_call(call).items() if name not in SHOWN}
    return known(
        {
            "event": "model",
            "uuid": call["call_id"],
            "timestamp": timestamp(_start(call)),
            "working_start": round(_start(call) - first, 3),
            "completed": timestamp(call["answered_at"]),
            "working_time": (call["latency_ms"] or 0.0) / 1000,
            "model": call["model"] or "unknown",
            "input": [],
            "tools": [],
            "tool_choice": "none",
            "config": _config(call),
            "output": _output(call, wrote, counts),
            "retries": (call["attempts"] or 1) - 1 or None,
            "error": call["error"],
            "metadata": {OWN: own},
        }
    )


def _config(call: Facts) -> dict[str, Any]:
    params = json.loads(call["params"] or "{}")
    given = {name: params.get(key) for key, name in SETTINGS.items()}
    more = {"stop_seqs": params.get("stop") or None, "num_choices": call["n"] if (call["n"] or 1) > 1 else None}
    return known({**given, **more})


def _output(call: Facts, wrote: Sequence[Facts], counts: bool) -> dict[str, Any]:
    own = choice_of(wrote, call) if wrote else {}
    choices = [_choice(choice, call) for choice in ([own] if own else choices_of(call))]
    output: dict[str, Any] = {
        "model": call["model"] or "unknown",
        "choices": choices,
        "completion": own.get("text", "") if own else next((each["text"] for each in choices_of(call)), ""),
        "usage": _usage(call) if counts else None,
        "time": (call["latency_ms"] or 0.0) / 1000,
        "error": call["error"],
    }
    return known(output)


def _choice(choice: Mapping[str, Any], call: Facts) -> dict[str, Any]:
    text, thinking = choice.get("text", ""), choice.get("thinking")
    parts = [{"type": "reasoning", "reasoning": thinking}, {"type": "text", "text": text}] if thinking else text
    message = known({"role": "assistant", "content": parts, "source": "generate", "model": call["model"]})
    stop = FINISHES.get(choice.get("finish", ""), "unknown")
    return known({"message": message, "stop_reason": stop, "logprobs": _logprobs(choice)})


def _logprobs(choice: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the log-probability and the text of each token, or None if the choice has none."""
    values, offsets = choice.get("logprobs"), choice.get("offsets")
    if not values or not offsets:
        return None
    tokens = [choice["text"][start:end] for start, end in pairwise([*offsets, len(choice["text"])])]
    return {"content": [{"token": token, "logprob": value} for token, value in zip(tokens, values, strict=False)]}


def _usage(call: Facts) -> dict[str, Any]:
    """Returns the usage of a call. Inspect counts cached tokens separately from tokens that were not cached."""
    prompt, cached, completion = (call[f"{name}_tokens"] or 0 for name in ("prompt", "cached", "completion"))
    return known(
        {
            "input_tokens": prompt - cached,
            "output_tokens": completion,
            "total_tokens": prompt + completion,
            "input_tokens_cache_read": cached or None,
            "reasoning_tokens": call["reasoning_tokens"] or None,
            "total_cost": call["cost_usd"],
        }
    )
