"""A strategy, found once for everything that a run does with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

from redraft.agents.build import Spec, default_part, load
from redraft.flows.generation.identity import identity


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy that was found: its factory with the names of its parameters, what people call it, and what recipes
    call it."""

    factory: Callable[..., Any]
    name: str
    identity: str
    parameters: frozenset[str]

    def takes(self, parameter: str) -> bool:
        """Whether the factory has a parameter of this name."""
        return parameter in self.parameters

    def part(self, kind: str, given: Mapping[str, Any]) -> str | None:
        """What recipes call the strategy's part of this kind, such as "feedback": the given part or the default; None
        if the strategy has no such part."""
        return identity(given.get(kind) or default_part(self.factory, kind)) if self.takes(kind) else None


def find_strategy(strategy: Spec) -> Strategy:
    """The strategy that is named. Raises PartError if there is none."""
    factory = load(strategy)
    name = strategy if isinstance(strategy, str) else getattr(strategy, "__name__", repr(strategy))
    return Strategy(factory, name, identity(strategy) or "", frozenset(signature(factory).parameters))
