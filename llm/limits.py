"""How calls to a remote model are paced, and how long its failures are borne."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """`concurrency` is the most calls in flight; of a remote model as many are let in as it bears. The rest holds for
    remote models only."""

    concurrency: int = 64
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None  # of prompts and answers
    tries: int = 6  # of each call, where another could help
    wait_s: float = 0.5  # the longest pause before a second try, doubled before each further one
    timeout_s: float = 600.0  # of one try
    connect_s: float = 10.0  # of making a connection
    patience_s: float = 900.0  # how long a provider that has answered before may be away
