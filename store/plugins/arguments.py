"""Converts texts such as `--set samples=8` to a factory's keyword arguments, and checks their names."""

import inspect
import types
import typing
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any, Literal, Union

from redraft.store.errors import PartError, alternatives


def arguments(factory: Callable[..., Any], given: Mapping[str, Any], noun: str = "part") -> dict[str, Any]:
    """Returns `given`, ready for `factory(**...)`. Texts ("8", "0.5", "true", "none") are converted to the annotated
    types of the arguments; other values stay as they are. Only arguments with a default, or after `*`, can be set.

    Raises PartError for a value that does not fit, and for an unknown name; the message then lists the factory's names.
    """
    settable = {
        name: parameter
        for name, parameter in inspect.signature(factory).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
        or (parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is not parameter.empty)
    }
    hints = _hints(factory)
    for name in given:
        if name not in settable:
            raise PartError(f"{noun} {_name(factory)!r} has no argument {name!r}; {alternatives(name, settable)}")
    return {
        name: convert(value, hints.get(name, Any), name) if isinstance(value, str) else value
        for name, value in given.items()
    }


def whole(
    factory: Callable[..., Any],
    given: Mapping[str, Any],
    noun: str = "part",
    prefix: str = "",
    handed: Collection[str] = (),
) -> dict[str, Any]:
    """Returns `arguments`, and raises PartError for a missing required argument too. The names in `handed` may be
    missing, because they are added later. `prefix` precedes the argument's name in the message."""
    found = arguments(factory, given, noun)
    for name, parameter in inspect.signature(factory).parameters.items():
        needed = parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
        if needed and name not in found and name not in handed:
            raise PartError(
                f"{noun} {_name(factory)!r} needs its argument {name!r}: give it with --set {prefix}{name}=..."
            )
    return found


def convert(text: str, hint: Any, name: str) -> Any:
    """Returns `text` converted to the type of `hint`; if `hint` has several types, to the first that fits. Raises
    PartError."""
    wanted = _members(hint)
    for kind in wanted:
        try:
            return _convert_to(kind, text)
        except (ValueError, KeyError):
            continue
    raise PartError(f"{name}={text!r} does not fit: it wants {' or '.join(map(_words, wanted))}")


def kind(hint: Any) -> str:
    """Returns the type of a hint in words, such as "a whole number or none"."""
    names = [_words(member) for member in _members(hint)]
    return " or ".join(sorted(names, key=lambda name: name == "none"))


def _members(hint: Any) -> list[Any]:
    """Returns the types that a hint allows, the narrowest first. A text that fits no other type stays a text."""
    if hint is Any or hint is inspect.Parameter.empty:
        return NARROW
    members = list(typing.get_args(hint)) if typing.get_origin(hint) in (Union, types.UnionType) else [hint]
    plain = [kind for kind in members if _is_plain(kind)]
    order = sorted(plain, key=lambda kind: NARROW.index(kind) if kind in NARROW else 0)
    return order if order and len(plain) == len(members) else [kind for kind in order if kind is not str] + [str]


def _is_plain(kind: Any) -> bool:
    return kind in NARROW or typing.get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum))


def _convert_to(kind: Any, text: str) -> Any:
    if typing.get_origin(kind) is Literal:
        return {str(choice): choice for choice in typing.get_args(kind)}[text]
    if kind is types.NoneType:
        return {"none": None, "null": None, "": None}[text.lower()]
    if kind is bool:
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
    return kind(text)


def _words(kind: Any) -> str:
    if typing.get_origin(kind) is Literal:
        return " or ".join(map(str, typing.get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(str(member.value) for member in kind)
    return WORDS.get(kind, "a text")


def _hints(factory: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(factory)
    except (NameError, TypeError):
        return {name: hint for name, hint in inspect.get_annotations(factory).items() if not isinstance(hint, str)}


def _name(factory: Callable[..., Any]) -> str:
    return getattr(factory, "__name__", str(factory))


NARROW = [types.NoneType, int, float, bool, str]
WORDS = {types.NoneType: "none", bool: "true or false", int: "a whole number", float: "a number"}
