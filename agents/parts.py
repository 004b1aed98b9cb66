"""The kinds of parts that a strategy is built of, and what a factory's signature says about them."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from redraft.store.plugins.discovery import names


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of part: its default for a strategy that needs such a part, the name of the kind (`noun`), and a
    description. An `implied` part is used as soon as the user sets one of its arguments."""

    default: str | None
    noun: str
    about: str
    implied: bool = False

    def names(self) -> list[str]:
        """Returns the names of redraft's own parts of this kind. Policies are functions of one module; every other part
        has a file of its own."""
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
    """Returns the part that a parameter's type names, as in `Annotated[Policy, "stepwise"]`, else the default of its
    kind."""
    return next((str(name) for name in getattr(parameter.annotation, "__metadata__", ())), default)


def named_parameters(factory: Callable[..., Any]) -> list[inspect.Parameter]:
    """Returns the named parameters of a factory, with their types evaluated if possible."""
    try:
        parameters = inspect.signature(factory, eval_str=True).parameters.values()
    except NameError:
        parameters = inspect.signature(factory).parameters.values()
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def return_type(factory: Callable[..., Any]) -> Any:
    """Returns the type that a factory is declared to return."""
    return inspect.get_annotations(factory, eval_str=True).get("return")
