"""From names to agents: `load` finds a strategy, `build` puts one together from its parts.

A part is a factory function. What it needs it names as a parameter, and `build` hands it in: `client`, `keys`,
`watch`, `checker`, and parts (`policy`, `grader`, `critic`, `feedback`), which are built the same way. Every other
parameter is an argument that may be set; a part's own is set as `critic.threshold` or the like.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from redraft.agents.agent import Agent, Watch
from redraft.agents.going_on import STEP_SCHEMA
from redraft.graders.equivalence import Checker
from redraft.llm.client import Client
from redraft.store.arguments import convert
from redraft.store.errors import PartError
from redraft.store.load import load as find
from redraft.store.records import Keyring

Spec = str | Callable[..., Any]
"""A part: its name, `module:function`, `path.py:function`, or the factory itself."""


def load(strategy: Spec) -> Callable[..., Agent]:
    """A strategy's factory. Raises PartError for an unknown name, with the names there are."""
    return find(strategy, "redraft.agents", "strategy")


def build(
    strategy: Spec,
    client: Client,
    *,
    keys: Keyring | None = None,
    grader: Spec | None = None,
    critic: Spec | None = None,
    samples: int | None = None,
    watch: Watch | None = None,
    checker: Checker | None = None,
    **arguments: Any,
) -> Agent:
    """An agent, ready to solve. `grader`, `critic` and `samples` go to the strategies that have them; None keeps
    the strategy's own default. A `checker` of answers is shared by the parts that read the key.

    `arguments` are the strategy's (`feedback` and `policy` among them) and those of its parts, as in
    `**{"feedback.threshold": -0.5}`; text is read as the type that is wanted. Raises PartError for an unknown part or
    argument, a value of the wrong type, and a part that reads the key where no `keys` are given.
    """
    offered = {"grader": grader, "critic": critic, "samples": samples}
    settings = {name: value for name, value in {**offered, **arguments}.items() if value is not None}
    hands = {"client": client, "keys": keys, "watch": watch, "checker": checker}
    builder = _Builder(hands, settings, make=lambda factory, values: factory(**values))
    factory = load(strategy)
    agent = builder.build(factory, "strategy", "")
    for name in arguments:
        if name not in builder.chosen:
            known = ", ".join(sorted(builder.chosen)) or "none"
            raise PartError(f"no argument {name!r} of strategy {_name(factory)!r}; there are {known}")
    return agent


def resolved(strategy: Spec, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a strategy and its parts are built with, by the names that set it: the arguments and parts that are given,
    and the defaults of the others. Nothing is built. Raises PartError as `build` does."""
    hands = ("client", "keys", "watch", "checker")
    builder = _Builder({name: name for name in hands}, given, make=lambda factory, values: factory)
    builder.build(load(strategy), "strategy", "")
    return builder.chosen


def prompts(client: Client) -> dict[str, Any]:
    """Everything that the text of a call depends on, beside its question and drafts: a run's recipe holds it, so that
    a changed prompt is another recipe."""
    return {**client.prompts.plain(client.model.templates), "step_schema": STEP_SCHEMA}


class _Builder:
    """Makes things of factories and what their parameters name. `chosen` collects every argument that could be set,
    with its value."""

    def __init__(
        self,
        hands: Mapping[str, Any],
        settings: Mapping[str, Any],
        make: Callable[[Callable[..., Any], dict[str, Any]], Any],
    ) -> None:
        self.chosen: dict[str, Any] = {}
        self._hands = hands
        self._settings = settings
        self._make = make

    def build(self, factory: Callable[..., Any], kind: str, prefix: str) -> Any:
        """What a factory makes. `prefix` is put before its arguments' names to set them."""
        values: dict[str, Any] = {}
        for parameter in _parameters(factory):
            name, key = parameter.name, prefix + parameter.name
            if name in self._hands:
                value = self._hands[name]
            elif name in PARTS:
                value = self._part(parameter, key)
            else:
                value = self._argument(parameter, key)
            if value is not None:
                values[name] = value
            elif parameter.default is parameter.empty:
                raise PartError(_missing(f"{kind} {_name(factory)!r}", name, key))
        return self._make(factory, values)

    def _part(self, parameter: inspect.Parameter, key: str) -> Any:
        """The part that a parameter asks for, or None where its default will do."""
        package, default = PARTS[parameter.name]
        spec = self._settings.get(key, default if parameter.default is parameter.empty else None)
        self.chosen[key] = spec
        if spec is None:
            return None
        if parameter.name == "policy" and isinstance(spec, str) and ":" not in spec:
            spec = f"{package}:{spec}"
        return self.build(find(spec, package, parameter.name), parameter.name, f"{key}.")

    def _argument(self, parameter: inspect.Parameter, key: str) -> Any:
        """The value that was set, a text as the parameter's type; None where none was."""
        value = self._settings.get(key)
        if isinstance(value, str):
            value = convert(value, parameter.annotation, key)
        self.chosen[key] = parameter.default if value is None else value
        return value


def _parameters(factory: Callable[..., Any]) -> list[inspect.Parameter]:
    """A factory's named parameters, their types evaluated where they can be."""
    try:
        parameters = inspect.signature(factory, eval_str=True).parameters.values()
    except NameError:
        parameters = inspect.signature(factory).parameters.values()
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _name(factory: Callable[..., Any]) -> str:
    return getattr(factory, "__name__", repr(factory))


def _missing(owner: str, name: str, key: str) -> str:
    if name == "keys":
        return f"{owner} reads the known answers, and none are given here: give keys, or choose another"
    return f"{owner} needs a value for {key!r}: set {key}=..."


PARTS: Mapping[str, tuple[str, str]] = {
    "policy": ("redraft.agents.policy", "whole"),
    "grader": ("redraft.graders", "likelihood"),
    "critic": ("redraft.agents.critics", "none"),
    "feedback": ("redraft.agents.feedback", "likelihood"),
}
"""Where each kind of part lives, and the one a strategy gets if it needs one and none is named."""
