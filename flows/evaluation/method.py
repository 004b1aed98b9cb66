"""A method that an evaluation compares: a strategy with its settings, written in one line of text."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redraft.agents.build import Spec
from redraft.flows.generation.strategy import find_strategy
from redraft.flows.settings import BUILD_SETTINGS
from redraft.store.errors import PartError


@dataclass(frozen=True, slots=True)
class Method:
    """A strategy with its settings. If `grader`, `critic` or `samples` is None, the command's value applies. If that is
    None too, the strategy's default applies."""

    label: str
    strategy: Spec
    grader: Spec | None = None
    critic: Spec | None = None
    samples: int | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def in_turns(self) -> bool:
        """Returns True if the method revises each sample in turns. Then every sample is counted in the accuracy;
        otherwise only the method's pick is counted."""
        return find_strategy(self.strategy).takes("turns")


def method(given: Spec | Method) -> Method:
    """Returns the method for a text such as "correct feedback=none turns=3". A value with spaces must be quoted. Raises
    PartError if the text cannot be parsed."""
    if isinstance(given, Method):
        return given
    if not isinstance(given, str):
        return Method(find_strategy(given).name, given)
    try:
        strategy, *settings = shlex.split(given)
    except ValueError as error:
        raise PartError(f'strategy {given!r} cannot be read: write it as "correct feedback=none turns=3"') from error
    found = dict(_pair(given, text) for text in settings)
    own: dict[str, Any] = {key: found.pop(key) for key in BUILD_SETTINGS if key in found}
    if "samples" in own:
        own["samples"] = _number(own["samples"])
    return Method(" ".join(given.split()), strategy, arguments=found, **own)


def _pair(given: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise PartError(f'{text!r} in strategy {given!r} is no setting: write it as "correct feedback=none turns=3"')
    return key, value


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise PartError(f"samples={text!r} must be a whole number from 1 on")
    return int(text)
