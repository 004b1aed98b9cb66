"""The catalogue of strategies with their settings and the settings of their parts. It is read from signatures and
docstrings."""

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

from redraft.agents.build import Spec, load, parameters
from redraft.agents.parts import PARTS, preferred_part
from redraft.store.plugins import docstrings
from redraft.store.plugins.arguments import kind
from redraft.store.plugins.discovery import names


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a strategy: an argument or a part. It has the name that sets it, its type, its default and its
    description. If a part is given, its default is the name of that part. `choices` are the names of redraft's own
    parts of this kind."""

    name: str
    type: str
    default: Any
    about: str
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy with its settings: first its own, then the settings of its parts, such as `feedback.threshold`."""

    name: str
    about: str
    settings: tuple[Setting, ...]


def strategies() -> list[Strategy]:
    """Returns every strategy that comes with redraft."""
    return [describe(name) for name in names("strategy")]


def describe(strategy: Spec, given: Mapping[str, Any] | None = None) -> Strategy:
    """Returns the description of a strategy. `given` names its parts, as in `{"feedback": "tool"}`; the other parts are
    the defaults. Raises PartError for an unknown strategy or part."""
    factory, given = load(strategy), given or {}
    found = [_setting(name, *where, given) for name, where in parameters(strategy, given).items()]
    found.sort(key=lambda one: ("." in one.name, bool(one.choices) and "." not in one.name))
    return Strategy(getattr(factory, "__name__", str(strategy)), docstrings.about(factory), tuple(found))


def _setting(name: str, parameter: Parameter, owner: Any, given: Mapping[str, Any]) -> Setting:
    part = PARTS.get(parameter.name)
    required = parameter.default is parameter.empty
    if part:
        chosen = given.get(name, preferred_part(parameter, part.default) if required else None)
        return Setting(name, f"a {part.noun}", chosen, part.about, choices=tuple(part.names()))
    default = None if required else parameter.default
    return Setting(name, kind(parameter.annotation), default, docstrings.argument(owner, parameter.name), required)
