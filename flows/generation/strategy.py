"""A strategy that a run has looked up, with its names and parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

from redraft.agents.build import Spec, default_part, load
from redraft.flows.generation.identity import identity


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy: its factory and the names of its parameters, its name for people, and its name in recipes."""

    factory: Callable[..., Any]
    name: str
    identity: str
    parameters: frozenset[str]

    def takes(self, parameter: str) -> bool:
        """Returns True if the factory has a parameter with this name."""
        return parameter in self.parameters

    def part(self, kind: str, given: Mapping[str, Any]) -> str | None:
        """Returns the name in recipes of the strategy's part of this kind, such as "feedback": the part in `given`, or
        the default. Returns None if the strategy has no such part."""
        return identity(given.get(kind) or default_part(self.factory, kind)) if self.takes(kind) else None


def find_strategy(strategy: Spec) -> Strategy:
    """Returns the strategy that `strategy` names. Raises PartError if the strategy does not exist."""
    factory = load(strategy)
    name = strategy if isinstance(strategy, str) else getattr(strategy, "__name__", repr(strategy))
    return Strategy(factory, name, identity(strategy) or "", frozenset(signature(factory).parameters))
