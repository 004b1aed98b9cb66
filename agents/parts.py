"""The kinds of parts that a strategy is built of, and what a factory's signature says about them."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from redraft.store.plugins.discovery import names


@dataclass(frozen=True, slots=True)
class Part:
    """A part that a strategy may ask for: its default for a strategy that needs one, its kind (`noun`), and its
    description. An `implied` part is wanted as soon as an argument of it is set."""

    default: str | None
    noun: str
    about: str
    implied: bool = False

    def names(self) -> list[str]:
        """The names of the parts that ship. A policy is a function of its module; every other part is a file."""
        if self.noun == "policy":
            module = importlib.import_module(POLICIES)
            made = inspect.getmembers(module, inspect.isfunction)
            return [name for name, factory in made if name[0] != "_" and return_type(factory) is module.Policy]
        return names(self.noun)


POLICIES = "redraft.agents.policies.policy"
PARTS: Mapping[str, Part] = {
    "policy": Part("whole", "policy", "Who writes drafts, or their next steps."),
    "teacher": Part("whole", "policy", "Who writes the redrafts, in the policy's place.", implied=True),
    "draft": Part(None, "strategy", "Who gives the first drafts, in the policy's place."),
    "grader": Part("likelihood", "grader", "Who grades drafts, or their steps, for the strategy."),
    "critic": Part("none", "critic", "Who says whether to go on with a draft."),
    "feedback": Part("likelihood", "feedback", "What is said to the writer after a draft."),
}


def preferred_part(parameter: inspect.Parameter, default: str | None) -> str | None:
    """The part that a parameter's type names, as in `Annotated[Policy, "stepwise"]`, otherwise the default of its
    kind."""
    return next((str(name) for name in getattr(parameter.annotation, "__metadata__", ())), default)


def named_parameters(factory: Callable[..., Any]) -> list[inspect.Parameter]:
    """A factory's named parameters, with their types evaluated if possible."""
    try:
        parameters = inspect.signature(factory, eval_str=True).parameters.values()
    except NameError:
        parameters = inspect.signature(factory).parameters.values()
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def return_type(factory: Callable[..., Any]) -> Any:
    """The type that a factory is declared to return."""
    return inspect.get_annotations(factory, eval_str=True).get("return")
