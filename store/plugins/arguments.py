"""Converts command-line texts such as `--set samples=8` to a factory's keyword arguments, and checks their names."""

import inspect
import types
import typing
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any, Literal, Union

from redraft.store.errors import PartError, alternatives


def arguments(factory: Callable[..., Any], given: Mapping[str, Any], noun: str = "part") -> dict[str, Any]:
    """Returns `given`, ready for `factory(**...)`. Texts ("8", "0.5", "true", "none") are converted to the annotated
    types of the arguments; other values are not changed. Only arguments that have a default, or that follow `*`, can be
    set. Raises PartError if a value has the wrong type or if a name is unknown; then the message lists the factory's
    arguments."""
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
    """Returns what `arguments` returns, and also raises PartError if a required argument is missing. Names in `handed`
    may be missing, because the caller adds them later. The message lists the missing arguments, each with `prefix`
    before its name."""
    found = arguments(factory, given, noun)
    missing = [
        name
        for name, parameter in inspect.signature(factory).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
        if name not in found and name not in handed
    ]
    if missing:
        named = " and ".join(map(repr, missing))
        cure = " and ".join(f"--set {prefix}{name}=..." for name in missing)
        noun_of, pronoun = ("argument", "it") if len(missing) == 1 else ("arguments", "them")
        raise PartError(f"{noun} {_name(factory)!r} needs its {noun_of} {named}: give {pronoun} with {cure}")
    return found


def check_number(name: str, value: float, example: float, *, least: float, most: float | None = None) -> None:
    """Raises PartError if `value` is not in the range from `least` to `most`; `most` is None if there is no upper
    limit. The message shows `example`, a good number; if `example` is an integer, the message asks for a whole number.
    """
    if least <= value and (most is None or value <= most):
        return
    wanted = "a whole number" if isinstance(example, int) else "a number"
    limits = f"from {least}" if most is None else f"from {least} to {most}"
    raise PartError(f"{name}={value}: give {wanted} {limits}, such as {example}")


def check_range(part: str, least: float, most: float) -> None:
    """Raises PartError if the argument `least` of a part is greater than its argument `most`."""
    if least > most:
        raise PartError(f"{part}.least={least} is above {part}.most={most}, so that nothing is kept: exchange them")


def flat(given: Mapping[str, Any], own: Collection[str] = ()) -> dict[str, Any]:
    """Returns arguments without nesting: `{"cap": {"most": 2}}` becomes `{"cap.most": 2}`. The values of arguments in
    `own` are not changed."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        nested = isinstance(value, Mapping) and name not in own
        found |= {f"{name}.{key}": each for key, each in value.items()} if nested else {name: value}
    return found


def convert(text: str, hint: Any, name: str) -> Any:
    """Returns `text` converted to the type of `hint`. If `hint` allows several types, the narrowest one that accepts
    the text is used. Raises PartError if none does."""
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
    """Returns the types that a hint allows, the narrowest first. `str` comes last, for texts that no other type
    accepts."""
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
