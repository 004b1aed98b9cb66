"""Selects the augmentations of a run, and leaves out those that the model or the problems do not allow."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redraft.agents.build import Spec
from redraft.flows.augmentations.augmentation import Augmentation
from redraft.flows.filters.sifting.validation import make_part
from redraft.flows.generation.identity import identity
from redraft.llm.model import Model
from redraft.store.digest import digest
from redraft.store.errors import PartError, wrong
from redraft.store.plugins.arguments import whole
from redraft.store.plugins.discovery import load, names
from redraft.store.problems import Problem


@dataclass(frozen=True, slots=True)
class Method:
    """An augmentation with its arguments, its name, and the name that recipes contain."""

    name: str
    identity: str
    arguments: Mapping[str, Any]
    augmentation: Augmentation

    def recipe(self, base: str, samples: int, wording: Callable[[str], str]) -> str:
        """Returns the recipe of a run of this method. `base` is the recipe with which new questions are answered."""
        wordings = {name: wording(name) for name in self.augmentation.wordings}
        arguments = {name: identity(value) for name, value in self.arguments.items()}
        return digest("augment", base, self.identity, arguments, wordings, samples)


def split_arguments(
    specs: Sequence[Spec] | None, given: Mapping[str, Any]
) -> tuple[list[Spec], dict[str, dict[str, Any]], dict[str, Any]]:
    """Returns a triple: the methods, the arguments of each method by its name (from keys such as `rephrase.rewrites`),
    and the other arguments, which are those of the strategy. If `specs` is None, all methods are returned."""
    chosen: list[Spec] = list(names("augmentation") if specs is None else specs)
    for spec in chosen:
        _check_one(spec)
    known = {load(spec, "augmentation").__name__ for spec in chosen}
    own: dict[str, dict[str, Any]] = {name: {} for name in known}
    rest: dict[str, Any] = {}
    for key, value in given.items():
        name, dot, argument = key.partition(".")
        if dot and name in known:
            own[name][argument] = value
        elif dot and name in names("augmentation"):
            raise PartError(f"{key!r} is an argument of the method {name!r}, which is not chosen: add --method {name}")
        else:
            rest[key] = value
    return chosen, own, rest


def _check_one(spec: Spec) -> None:
    """Raises PartError if `spec` has arguments after its name, or names several methods."""
    name, *more = re.split(r"[\s,]+", spec.strip()) if isinstance(spec, str) else [""]
    if not more or name not in names("augmentation"):
        return
    if "=" in more[0]:
        raise PartError(f"{spec!r}: set the arguments of a method apart, as in --method {name} --set {name}.{more[0]}")
    raise PartError(f"{spec!r}: name each method by itself, as in --method {name} --method {more[0]}")


def find_method(spec: Spec, given: Mapping[str, Any]) -> Method:
    """Returns the method that `spec` names. Raises PartError if `spec` names no method."""
    factory = load(spec, "augmentation")
    name = factory.__name__
    values = whole(factory, given, "method", f"{name}.")
    part, made = make_part("method", factory, values)
    if not isinstance(made, Augmentation):
        raise wrong(part, made, "it must return an Augmentation, as in Augmentation(make)")
    defaults = whole_defaults(factory)
    shown = identity(spec) if isinstance(spec, str) and ":" in spec else identity(factory)
    return Method(name, shown or name, {**defaults, **values}, made)


def whole_defaults(factory: Callable[..., Any]) -> dict[str, Any]:
    """Returns the default arguments of a factory. They are part of the recipe, so a changed default makes another
    recipe."""
    from inspect import signature

    parameters = signature(factory).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not one.empty}


def left_out(
    methods: Sequence[Method],
    model: Model,
    problems: Sequence[Problem],
    worded: Sequence[str] = (),
    *,
    named: bool = True,
) -> Iterator[tuple[Method, str]]:
    """Yields a pair of method and reason for each method that cannot run. `worded` lists the prompts that the user
    replaced. `named` is True if the user named the methods."""
    answered = any(problem.answer is not None for problem in problems)
    for method in methods:
        made = method.augmentation
        lacking = [name for name in made.wordings if name not in model.templates and name not in worded]
        if model.templates and lacking:
            yield method, f"the {model.name} model was not trained for it: name another with --model"
        elif made.needs_answer and not answered:
            yield method, "no problem has a known answer"
        elif not named and not made.from_old:
            yield method, "its questions come from nothing: name it with --method"
