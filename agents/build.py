"""From names to agents: `load` finds a strategy, `build` puts one together from its parts.

A part is a factory function. What it needs it names as a parameter, and `build` hands it in: `client`, `keys`,
`watch`, `checker`, and parts (those of PARTS), which are built the same way. Every other parameter is an argument that
may be set; a part's own is set as `critic.threshold` or the like. A part that speaks to a model may have its own, set
as `critic.model`, and where it is served as `critic.api_base`.
"""

import importlib
import inspect
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from redraft.agents.agent import Agent, Watch
from redraft.agents.policies.continuation import STEP_SCHEMA
from redraft.agents.validation import check_part, is_shipped, part_label
from redraft.graders.answers.checker import Checker
from redraft.llm.client.client import Client
from redraft.store.errors import PartError, broken
from redraft.store.plugins.arguments import convert
from redraft.store.plugins.discovery import RETURNS, names
from redraft.store.plugins.discovery import load as find
from redraft.store.records import Keyring

Spec = str | Callable[..., Any]
"""A part: its name, `module:function`, `path.py:function`, or the factory itself."""


def load(strategy: Spec) -> Callable[..., Agent]:
    """A strategy's factory. Raises PartError for an unknown name, with the names there are."""
    return find(strategy, "redraft.agents.strategies", "strategy")


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
    builder = _Builder(hands, settings, make=lambda factory, values: factory(**values), of=client.of)
    factory = load(strategy)
    agent = builder.build(factory, "strategy", "")
    for name in arguments:
        if name not in builder.chosen:
            raise PartError(_unknown_argument_message(name, _factory_name(factory), builder.chosen))
    return agent


def resolve(strategy: Spec, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a strategy and its parts are built with, by the names that set it: the arguments and parts that are given,
    and the defaults of the others. Nothing is built. Raises PartError as `build` does."""
    return _inspect(strategy, given).chosen


def parameters(
    strategy: Spec, given: Mapping[str, Any] | None = None
) -> dict[str, tuple[inspect.Parameter, Callable[..., Any]]]:
    """What may be set of a strategy and of the parts that it has, by default or as they are given, by the names that
    set it: each as the parameter of a factory, and that factory. Nothing is built, and nothing is missed. Raises
    PartError for an unknown part."""
    return _inspect(strategy, given or {}, complete=False).parameters


def _inspect(strategy: Spec, given: Mapping[str, Any], *, complete: bool = True) -> "_Builder":
    """A builder that has looked at everything that a strategy is built of, and has built nothing. `complete`: an
    argument that is needed and not given is a mistake."""
    hands = ("client", "keys", "watch", "checker")
    builder = _Builder(
        {name: name for name in hands}, given, lambda factory, values: factory, of=lambda *names: "client"
    )
    builder.complete = complete
    builder.build(load(strategy), "strategy", "")
    return builder


def prompt_texts(client: Client, parts: Container[str] = ()) -> dict[str, Any]:
    """Everything that the text of a call depends on, beside its question and drafts, in a run with these `parts`: its
    recipe holds it, so that a changed prompt is another recipe."""
    return {**client.prompts.plain(client.model.templates, parts), "step_schema": STEP_SCHEMA}


class _Builder:
    """Makes things of factories and what their parameters name. `chosen` collects every argument that could be set,
    with its value, and `parameters` where each of them comes from."""

    def __init__(
        self,
        hands: Mapping[str, Any],
        settings: Mapping[str, Any],
        make: Callable[[Callable[..., Any], dict[str, Any]], Any],
        of: Callable[[Any, str | None], Any],
    ) -> None:
        self.complete = True  # an argument that is needed and not given is a mistake
        self.chosen: dict[str, Any] = {}
        self.parameters: dict[str, tuple[inspect.Parameter, Callable[..., Any]]] = {}
        self._hands = hands
        self._settings = settings
        self._make = make
        self._of = of  # from a model and its address to its client

    def build(self, factory: Callable[..., Any], kind: str, prefix: str, hands: Mapping[str, Any] | None = None) -> Any:
        """What a factory makes. `prefix` is put before its arguments' names to set them."""
        hands = self._hands if hands is None else hands
        values: dict[str, Any] = {}
        for parameter in _named_parameters(factory):
            name, key = parameter.name, prefix + parameter.name
            if name in hands:
                value = hands[name]
                self._models(prefix if name == "client" else "")
            else:
                self.parameters[key] = parameter, factory
                part = name in PARTS
                value = self._part(parameter, key, hands) if part else self._argument(parameter, key)
            if value is not None:
                values[name] = value
            elif parameter.default is parameter.empty and self.complete:
                raise PartError(_missing_value_message(f"{kind} {_factory_name(factory)!r}", name, key))
        noun = PARTS[kind].noun if kind in PARTS else kind
        try:
            made = self._make(factory, values)
        except PartError as error:  # an argument that does not fit is named as it is set
            if prefix and str(error).partition("=")[0] in values:
                raise PartError(f"{prefix}{error}") from None
            raise
        except Exception as error:
            if is_shipped(factory):
                raise
            raise broken(part_label(noun, factory), error) from error
        return made if made is factory else check_part(noun, factory, made)  # it is where nothing is built

    def _part(self, parameter: inspect.Parameter, key: str, hands: Mapping[str, Any]) -> Any:
        """The part that a parameter asks for, or None where its default will do."""
        part = PARTS[parameter.name]
        wanted = parameter.default is parameter.empty or (part.implied and self._set_within(key))
        spec = self._settings.get(key, preferred_part(parameter, part.default) if wanted else None)
        self.chosen[key] = spec
        if spec is None:
            return None
        if part.noun == "policy" and isinstance(spec, str) and ":" not in spec:
            spec = f"{part.package}:{spec}"
        factory = find(spec, part.package, part.noun)
        if part.noun == "strategy":  # whoever watches is told of what comes of it
            hands = {**hands, "watch": None}
        return self.build(factory, parameter.name, f"{key}.", self._with_model(factory, key, hands))

    def _set_within(self, key: str) -> bool:
        return any(name.startswith(f"{key}.") for name in self._settings)

    def _with_model(self, factory: Callable[..., Any], key: str, hands: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a part and its own parts are handed: with the client of their own model, where they have one."""
        model, api_base = (self._settings.get(f"{key}.{name}") for name in OWN_MODEL)
        if "model" in inspect.signature(factory).parameters or (model is None and api_base is None):
            return hands
        if model is None:
            raise PartError(f"{key}.api_base={api_base} is the address of a model of its own: set {key}.model too")
        return {**hands, "client": self._of(model, api_base)}

    def _models(self, prefix: str) -> None:
        """The part of this prefix speaks to a model, and so do those that it is a part of: each may have its own."""
        names = prefix.split(".")[:-1]
        for key in (".".join([*names[:count], name]) for count in range(1, len(names) + 1) for name in OWN_MODEL):
            self.chosen.setdefault(key, self._settings.get(key))

    def _argument(self, parameter: inspect.Parameter, key: str) -> Any:
        """The value that was set, a text as the parameter's type; None where none was."""
        value = self._settings.get(key)
        if isinstance(value, str):
            value = convert(value, parameter.annotation, key)
        self.chosen[key] = parameter.default if value is None else value
        return value


def default_part(strategy: Spec, part: str) -> str | None:
    """The part of this kind that a strategy gets where none is named; None where it has no such part, or needs none.
    Raises PartError for an unknown strategy."""
    found = next((one for one in _named_parameters(load(strategy)) if one.name == part), None)
    needed = found is not None and found.default is found.empty
    return preferred_part(found, PARTS[part].default) if found and needed else None


def preferred_part(parameter: inspect.Parameter, default: str | None) -> str | None:
    """The part that a parameter's type names, as in `Annotated[Policy, "stepwise"]`, else the default of its kind."""
    return next((str(name) for name in getattr(parameter.annotation, "__metadata__", ())), default)


def _named_parameters(factory: Callable[..., Any]) -> list[inspect.Parameter]:
    """A factory's named parameters, their types evaluated where they can be."""
    try:
        parameters = inspect.signature(factory, eval_str=True).parameters.values()
    except NameError:
        parameters = inspect.signature(factory).parameters.values()
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def return_type(factory: Callable[..., Any]) -> Any:
    """The type that a factory is declared to return."""
    return inspect.get_annotations(factory, eval_str=True).get("return")


def _factory_name(factory: Callable[..., Any]) -> str:
    return getattr(factory, "__name__", repr(factory))


def _unknown_argument_message(name: str, strategy: str, chosen: Mapping[str, Any]) -> str:
    """What is wrong with an argument that nothing takes: the part that has it may be another than the one chosen."""
    part, dot, _ = name.rpartition(".")
    if dot and part in chosen:
        there = sorted(key for key in chosen if key.startswith(f"{part}."))
        known = f"there are {', '.join(there)}" if there else f"it takes none: choose another {part} too"
        return f"no argument {name!r} of {part} {chosen[part]!r}; {known}"
    known = ", ".join(sorted(chosen)) or "none"
    return f"no argument {name!r} of strategy {strategy!r}; there are {known}"


def _missing_value_message(owner: str, name: str, key: str) -> str:
    if name == "keys":
        return f"{owner} reads the known answers, and none are given here: give keys, or choose another"
    return f"{owner} needs a value for {key!r}: set {key}=..."


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of part: where it lives, the one that a strategy gets if it needs one and none is named, what people call
    it, and what it does. An `implied` one is wanted as soon as an argument of it is set."""

    package: str
    default: str | None
    noun: str
    about: str
    implied: bool = False

    def names(self) -> list[str]:
        """Those that ship. A policy is a function of its module; every other part is a file."""
        if self.noun == "policy":
            module = importlib.import_module(self.package)
            made = inspect.getmembers(module, inspect.isfunction)
            return [name for name, factory in made if name[0] != "_" and return_type(factory) is module.Policy]
        return names(self.package, RETURNS.get(self.noun, self.noun.capitalize()))


WRITERS = "redraft.agents.policies.policy"
PARTS: Mapping[str, Part] = {
    "policy": Part(WRITERS, "whole", "policy", "Who writes drafts, or their next steps."),
    "teacher": Part(WRITERS, "whole", "policy", "Who writes the redrafts, in the policy's place.", implied=True),
    "draft": Part(
        "redraft.agents.strategies",
        None,
        "strategy",
        "Who gives the first drafts, in the policy's place.",
    ),
    "grader": Part("redraft.graders", "likelihood", "grader", "Who grades drafts, or their steps, for the strategy."),
    "critic": Part("redraft.agents.critics", "none", "critic", "Who says whether to go on with a draft."),
    "feedback": Part("redraft.agents.feedback", "likelihood", "feedback", "What is said to the writer after a draft."),
}

OWN_MODEL = ("model", "api_base")
"""The settings of a part's own model."""
