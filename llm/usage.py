"""The usage of calls: tokens and costs."""

from dataclasses import dataclass

from msgspec import Struct


class Usage(Struct, frozen=True, gc=False):
    """Numbers of tokens as the provider counts them. `cached` tokens are included in `prompt`, and `reasoning` tokens
    in `completion`."""

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
        """Returns the number of tokens of the prompt and the completion together."""
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of a model's tokens, in US dollars per token. If `cached` is None, cached tokens cost as much as other
    tokens of the prompt."""

    prompt: float
    completion: float
    cached: float | None = None

    def cost(self, usage: Usage) -> float:
        """Returns the cost of this usage, in US dollars."""
        cached = self.prompt if self.cached is None else self.cached
        return (usage.prompt - usage.cached) * self.prompt + usage.cached * cached + usage.completion * self.completion


@dataclass(slots=True)
class Amount:
    """An amount of a budget: what calls have used, or a limit on it."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def add(self, other: "Amount", sign: int = 1) -> None:
        self.calls += sign * other.calls
        self.tokens += sign * other.tokens
        self.usd += sign * other.usd
