"""What calls use: tokens, and what they cost."""

from dataclasses import dataclass

from msgspec import Struct


class Usage(Struct, frozen=True, gc=False):
    """Tokens that a provider counts. `cached` are some of the prompt's, `reasoning` some of the completion's."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt + other.prompt,
            self.completion + other.completion,
            self.cached + other.cached,
            self.reasoning + other.reasoning,
        )

    @property
    def tokens(self) -> int:
        """All of them: the prompt's and the completion's."""
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class Prices:
    """What a model's tokens cost, in US dollars each. `cached` None: cached tokens cost as much as others."""

    prompt: float
    completion: float
    cached: float | None = None

    def cost(self, usage: Usage) -> float:
        """What this much costs, in US dollars."""
        cached = self.prompt if self.cached is None else self.cached
        return (usage.prompt - usage.cached) * self.prompt + usage.cached * cached + usage.completion * self.completion


@dataclass(slots=True)
class Amount:
    """What calls used of a budget, or may use at most."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def add(self, other: "Amount", sign: int = 1) -> None:
        self.calls += sign * other.calls
        self.tokens += sign * other.tokens
        self.usd += sign * other.usd
