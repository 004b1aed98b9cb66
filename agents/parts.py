"""The kinds of parts of a strategy (policy, grader, critic, feedback and others), and functions that read a factory's
signature."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from redraft.store.plugins.discovery import names


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of part. It has the name of the default part, the name of the kind (`noun`) and a description. An
    `implied` part is built as soon as the user sets one of its arguments, even if the user did not choose the part."""

    default: str | None
    noun: str
    about: str
    implied: bool = False

    def names(self) -> list[str]:
        """Returns the names of redraft's own parts of this kind. Policies are functions of one module; every part of
        another kind has its own file."""
        if self.noun == "policy":
            module = importlib.import_module(POLICIES)
            made = inspect.getmembers(module, inspect.isfunction)
            return [name for name, factory in made if name[0] != "_" and return_type(factory) is module.Policy]
        return names(self.noun)


POLICIES = "redraft.agents.policies.policy"
PARTS: Mapping[str, Part] = {
    "policy": Part("whole", "policy", "The policy, which writes drafts or their next steps."),
    "teacher": Part(
        "whole",
        "policy",
        "The policy that writes the redrafts; by default the policy of the first drafts.",
        implied=True,
    ),
    "draft": Part(None, "strategy", "The strategy that writes the first drafts; by default the policy writes them."),
    "grader": Part("likelihood", "grader", "The grader of drafts, or of their steps, for the strategy."),
    "critic": Part("none", "critic", "The critic, which decides whether a draft goes on."),
    "feedback": Part("likelihood", "feedback", "The feedback that the writer gets after a draft."),
}


def preferred_part(parameter: inspect.Parameter, default: str | None) -> str | None:
    """Returns the name of the part that a parameter's type annotation asks for, as in `Annotated[Policy, "stepwise"]`.
    Otherwise returns `default`."""
    return next((str(name) for name in getattr(parameter.annotation, "__metadata__", ())), default)


def named_parameters(factory: Callable[..., Any]) -> list[inspect.Parameter]:
    """Returns the named parameters of a factory. String annotations are evaluated if possible."""
    try:
        parameters = inspect.signature(factory, eval_str=True).parameters.values()
    except NameError:
        parameters = inspect.signature(factory).parameters.values()
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def return_type(factory: Callable[..., Any]) -> Any:
    """Returns the annotated return type of a factory."""
    return inspect.get_annotations(factory, eval_str=True).get("return")
