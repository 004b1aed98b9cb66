"""Calls: requests to a model, with their costs and the samples in their replies."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

Choices: TypeAlias = Sequence[Mapping[str, Any]]
"""The samples that one call was answered with, each as plain JSON data; empty for a failed call."""

Prompt: TypeAlias = Mapping[str, Any]
"""What a request showed to a model, as JSON data: `messages`, and `prefix`, `schema`, `chat_template` if
the request has them."""


class Call(Struct, frozen=True, gc=False):
    """One answered or failed request to a model. Latencies in milliseconds, money in US dollars. Calls of older
    builds have no `answered_at`."""

    call_id: str
    unit: str
    problem_id: str
    purpose: str  # "propose", "revise", "critique", "grade" ...
    place: str  # the step_id below which its choices hang
    first: int  # number of its first sample among the samples at that place
    n: int
    model: str
    prompt_hash: str
    params: Mapping[str, Any]
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None
    latency_ms: float = 0.0
    attempts: int = 1
    finish_reason: str | None = None
    error: str | None = None
    answered_at: float | None = None  # seconds since 1970, UTC: when it was answered, or given up
    failed_tries: Mapping[str, int] | None = None  # failed tries, by their kind; None if none failed


def call_key(call: Call) -> tuple[str, float, str | None]:
    """Returns the identity of a request. Each request has its own identity, even for the same samples: if a call failed
    and was repeated, both calls are counted and paid."""
    return (call.call_id, call.latency_ms, call.error)
