"""`Call` is the record of one request to a model, with its cost. `Choices` are the samples in the reply."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

Choices: TypeAlias = Sequence[Mapping[str, Any]]
"""The samples that one call was answered with, each as plain JSON data; empty for a failed call."""

Prompt: TypeAlias = Mapping[str, Any]
"""What a request showed to a model, as JSON data: `messages`, and `prefix`, `schema`, `chat_template` if
the request has them."""


class Call(Struct, frozen=True, gc=False):
    """One request to a model that was answered or has failed. `latency_ms` is in milliseconds and `cost_usd` in US
    dollars. `answered_at` is None in calls of older versions."""

    call_id: str
    unit: str
    problem_id: str
    purpose: str  # "propose", "revise", "critique", "grade" ...
    place: str  # the step_id below which its choices hang
    first: int  # index of its first sample among the samples at `place`
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
    failed_tries: Mapping[str, int] | None = None  # number of failed tries by error kind; None if none failed


def call_key(call: Call) -> tuple[str, float, str | None]:
    """Returns a key that identifies a request: (call_id, latency_ms, error). If a failed call is repeated for the same
    samples, the two requests have different keys, and both are counted and paid."""
    return (call.call_id, call.latency_ms, call.error)
