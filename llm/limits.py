"""Limits on the calls to a model and on the tolerance for its failures, and budgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from redraft.store.fields import setting

if TYPE_CHECKING:
    from redraft.llm.usage import Amount


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of calls. `concurrency` is the maximum number of calls in flight. For remote models, an adaptive limit
    stays at or below `concurrency`. The other fields apply only to remote models."""

    concurrency: int = 64
    requests_per_minute: int | None = setting(None, "The maximum number of calls per minute.", ge=1)
    tokens_per_minute: int | None = setting(
        None, "The maximum number of tokens per minute, prompts and replies together.", ge=1
    )
    tries: int = setting(6, "The maximum number of tries of a call, if another try can help.", ge=1)
    wait_s: float = setting(
        0.5, "The maximum pause in seconds before the second try; it doubles before each further try.", ge=0
    )
    timeout_s: float = setting(600.0, "The time limit of one try, in seconds.", gt=0)
    connect_s: float = setting(10.0, "The time limit for opening a connection, in seconds.", gt=0)
    patience_s: float = setting(
        900.0, "The time limit in seconds for an outage of a provider that has answered before.", ge=0
    )


TIMEOUT_CURE = "Raise --timeout (in Python, timeout_s of Limits), or lower --max-tokens."
"""The cure if a try takes longer than `timeout_s`."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The maximum amounts that may be used; None means no limit."""

    calls: int | None = setting(None, "The maximum number of calls to the model.", ge=0)
    tokens: int | None = setting(None, "The maximum number of tokens, prompts and replies together.", ge=0)
    usd: float | None = setting(None, "The maximum cost in US dollars.", ge=0)
    seconds: float | None = setting(None, "The maximum wall-clock time in seconds.", ge=0)

    def minus(self, used: Amount, seconds: float) -> Budget:
        """Returns the remaining budget. No limit of it is below 0."""
        return Budget(
            None if self.calls is None else max(0, self.calls - used.calls),
            None if self.tokens is None else max(0, self.tokens - used.tokens),
            None if self.usd is None else max(0.0, self.usd - used.usd),
            None if self.seconds is None else max(0.0, self.seconds - seconds),
        )

    def __str__(self) -> str:
        """Returns the limits in words, such as "500 calls, $2.00"."""
        limits = ((what, getattr(self, what)) for what in ("calls", "tokens", "usd", "seconds"))
        return ", ".join(amount_text(what, most) for what, most in limits if most is not None) or "no budget"

    def __bool__(self) -> bool:
        return any(most is not None for most in (self.calls, self.tokens, self.usd, self.seconds))


def amount_text(what: str, most: float) -> str:
    """Returns an amount of "calls", "tokens", "usd" or "seconds" in words, such as "1 call" or "$2.00"."""
    if what == "usd":
        return f"${most:,.2f}" if most >= 0.01 else f"${most:g}"
    return f"{most:,g} {what.removesuffix('s') if most == 1 else what}"
