"""Limits on the calls to a remote model, and on how long its failures are tolerated."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """`concurrency` is the most calls in flight. For remote models the limit adapts below it, and the other fields hold
    for remote models only."""

    concurrency: int = 64
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None  # of prompts and answers
    tries: int = 6  # the most tries of each call, if another try can help
    wait_s: float = 0.5  # the longest pause before the second try, doubled before each further try
    timeout_s: float = 600.0  # of one try
    connect_s: float = 10.0  # of opening a connection
    patience_s: float = 900.0  # how long a provider that has answered before may be down
