"""Builds agents from names: `load` finds a strategy, and `build` builds it from its parts.

A part is made by a factory function. `build` fills the factory's parameters by their names. A parameter named `client`,
`keys`, `watch`, `checker` or `sandbox` gets this object. A parameter whose name is in PARTS gets a part, which is built
in the same way. Every other parameter is an argument that the user may set. The user sets an argument of a part by a
name such as `critic.threshold`. A part that calls a model may have a model of its own: `critic.model` sets the model,
and `critic.api_base` its address.
"""

import inspect
from collections.abc import Callable, Container, Mapping
from typing import Any

from redraft.agents.agent import Agent, Watch
from redraft.agents.parts import PARTS, POLICIES, named_parameters, preferred_part
from redraft.agents.policies.continuation import STEP_SCHEMA
from redraft.agents.validation import check_part, is_shipped, part_label
from redraft.graders.answers.checker import Checker
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.client.client import Client
from redraft.store.errors import PartError, alternatives, broken
from redraft.store.plugins.arguments import convert
from redraft.store.plugins.discovery import load as find
from redraft.store.problems import Keyring

Spec = str | Callable[..., Any]
"""The specification of a part: its name, `module:function`, `path.py:function`, or the factory function itself."""

OWN_MODEL = ("model", "api_base")
"""The settings of a part's own model."""


def load(strategy: Spec) -> Callable[..., Agent]:
    """Returns a strategy's factory function. Raises PartError for an unknown name; the message lists the known
    names."""
    return find(strategy, "strategy")


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
    sandbox: Sandbox | None = None,
    **arguments: Any,
) -> Agent:
    """Returns an agent. `grader`, `critic` and `samples` are passed to the strategies that have these parameters; None
    selects the strategy's own default. All parts that read the answer key share the `checker` of answers, and all parts
    that run programs share the `sandbox`.

    `arguments` are the arguments of the strategy (including `feedback` and `policy`) and of its parts, as in
    `**{"feedback.threshold": -0.5}`. A string is converted to the type of its parameter. Raises PartError for an
    unknown part or argument, for a value of the wrong type, and for a part that reads the answer key if `keys` is None.
    """
    offered = {"grader": grader, "critic": critic, "samples": samples}
    settings = {name: value for name, value in {**offered, **arguments}.items() if value is not None}
    provided = {"client": client, "keys": keys, "watch": watch, "checker": checker, "sandbox": sandbox}
    builder = _Builder(provided, settings, make=lambda factory, values: factory(**values), client_for=client.for_model)
    factory = load(strategy)
    agent = builder.build(factory, "strategy", "")
    for name in arguments:
        if name not in builder.chosen:
            raise PartError(_unknown_argument_message(name, _factory_name(factory), builder.chosen))
    return agent


def resolve(strategy: Spec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a dict of the arguments and parts with which a strategy and its parts would be built. The keys are the
    names that set them. An argument that is not given has its default. Nothing is built. Raises PartError in the same
    cases as `build`."""
    return _inspect(strategy, given).chosen


def parameters(
    strategy: Spec, given: Mapping[str, Any] | None = None
) -> dict[str, tuple[inspect.Parameter, Callable[..., Any]]]:
    """Returns a dict of all settings of a strategy and of its parts. The keys are the names that set them; the values
    are pairs of the parameter and the factory that has the parameter. A part that is not given is the strategy's
    default. Nothing is built, and a missing argument is not an error. Raises PartError for an unknown part."""
    return _inspect(strategy, given or {}, complete=False).parameters


def _inspect(strategy: Spec, given: Mapping[str, Any], *, complete: bool = True) -> "_Builder":
    """Returns a builder that has inspected all parts of a strategy, and has built nothing. With `complete`, a missing
    argument without a default is an error."""
    provided = ("client", "keys", "watch", "checker", "sandbox")
    builder = _Builder(
        {name: name for name in provided}, given, lambda factory, values: factory, client_for=lambda *names: "client"
    )
    builder.complete = complete
    builder.build(load(strategy), "strategy", "")
    return builder


def prompt_texts(client: Client, parts: Container[str] = ()) -> dict[str, Any]:
    """Returns all prompt texts that a run with these `parts` may send, without questions and drafts. They are part of
    the recipe (the run's settings that decide what is stored), so a changed prompt makes another recipe."""
    return {**client.prompts.plain(client.model.templates, parts), "step_schema": STEP_SCHEMA}


class _Builder:
    """Calls factories with the objects that their parameters name. `chosen` is a dict of every setting with its value,
    and `parameters` is a dict of every setting with its parameter and factory."""

    def __init__(
        self,
        provided: Mapping[str, Any],
        settings: Mapping[str, Any],
        make: Callable[[Callable[..., Any], dict[str, Any]], Any],
        client_for: Callable[[Any, str | None], Any],
    ) -> None:
        self.complete = True  # whether a missing argument without a default is an error
        self.chosen: dict[str, Any] = {}
        self.parameters: dict[str, tuple[inspect.Parameter, Callable[..., Any]]] = {}
        self._provided = provided
        self._settings = settings
        self._make = make
        self._client_for = client_for  # gets a model and its API base, and returns a client

    def build(
        self, factory: Callable[..., Any], kind: str, prefix: str, provided: Mapping[str, Any] | None = None
    ) -> Any:
        """Returns what a factory returns. The names that set its arguments begin with `prefix`."""
        provided = self._provided if provided is None else provided
        values: dict[str, Any] = {}
        for parameter in named_parameters(factory):
            name, key = parameter.name, prefix + parameter.name
            if name in provided:
                value = provided[name]
                self._offer_own_models(prefix if name == "client" else "")
            else:
                self.parameters[key] = parameter, factory
                part = name in PARTS
                value = self._part(parameter, key, provided) if part else self._argument(parameter, key)
            if value is not None:
                values[name] = value
            elif parameter.default is parameter.empty and self.complete:
                raise PartError(_missing_value_message(f"{kind} {_factory_name(factory)!r}", name, key))
        noun = PARTS[kind].noun if kind in PARTS else kind
        try:
            made = self._make(factory, values)
        except PartError as error:  # the message names the argument by the name that sets it
            if prefix and str(error).partition("=")[0] in values:
                raise PartError(f"{prefix}{error}") from None
            raise
        except Exception as error:
            if is_shipped(factory):
                raise
            raise broken(part_label(noun, factory), error) from error
        return made if made is factory else check_part(noun, factory, made)  # nothing is built: the factory itself

    def _part(self, parameter: inspect.Parameter, key: str, provided: Mapping[str, Any]) -> Any:
        """Returns the part that a parameter asks for, or None if the parameter's default is used."""
        part = PARTS[parameter.name]
        wanted = parameter.default is parameter.empty or (part.implied and self._set_within(key))
        spec = self._settings.get(key, preferred_part(parameter, part.default) if wanted else None)
        self.chosen[key] = spec
        if spec is None:
            return None
        if part.noun == "policy" and isinstance(spec, str) and ":" not in spec:
            spec = f"{POLICIES}:{spec}"
        factory = find(spec, part.noun)
        if part.noun == "strategy":  # only the outer strategy calls the observer
            provided = {**provided, "watch": None}
        return self.build(factory, parameter.name, f"{key}.", self._with_model(factory, key, provided))

    def _set_within(self, key: str) -> bool:
        return any(name.startswith(f"{key}.") for name in self._settings)

    def _with_model(self, factory: Callable[..., Any], key: str, provided: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the objects that are provided to a part and to the parts inside it. If the part has its own model,
        `client` is the client of that model."""
        model, api_base = (self._settings.get(f"{key}.{name}") for name in OWN_MODEL)
        if "model" in inspect.signature(factory).parameters or (model is None and api_base is None):
            return provided
        if model is None:
            raise PartError(f"{key}.api_base={api_base} is the address of a model of its own: set {key}.model too")
        return {**provided, "client": self._client_for(model, api_base)}

    def _offer_own_models(self, prefix: str) -> None:
        """Allows a separate model for the part with this prefix, and for the parts that contain this part."""
        names = prefix.split(".")[:-1]
        for key in (".".join([*names[:count], name]) for count in range(1, len(names) + 1) for name in OWN_MODEL):
            self.chosen.setdefault(key, self._settings.get(key))

    def _argument(self, parameter: inspect.Parameter, key: str) -> Any:
        """Returns the value that the user set, converted to the parameter's type. Returns None if the user set none."""
        value = self._settings.get(key)
        if isinstance(value, str):
            value = convert(value, parameter.annotation, key)
        self.chosen[key] = parameter.default if value is None else value
        return value


def default_part(strategy: Spec, part: str) -> str | None:
    """Returns the name of a strategy's default part of this kind. Returns None if the strategy has no such part, or
    needs none. Raises PartError for an unknown strategy."""
    found = next((one for one in named_parameters(load(strategy)) if one.name == part), None)
    needed = found is not None and found.default is found.empty
    return preferred_part(found, PARTS[part].default) if found and needed else None


def _factory_name(factory: Callable[..., Any]) -> str:
    return getattr(factory, "__name__", repr(factory))


def _unknown_argument_message(name: str, strategy: str, chosen: Mapping[str, Any]) -> str:
    """Returns the error message for an argument that no part takes. If the prefix of the argument's name is a chosen
    part, the message lists the arguments of that part."""
    part, dot, _ = name.rpartition(".")
    if dot and part in chosen:
        there = sorted(key for key in chosen if key.startswith(f"{part}."))
        known = alternatives(name, there) if there else f"it takes none: choose another {part} too"
        return f"no argument {name!r} of {part} {chosen[part]!r}; {known}"
    return f"no argument {name!r} of strategy {strategy!r}; {alternatives(name, sorted(chosen))}"


def _missing_value_message(owner: str, name: str, key: str) -> str:
    if name == "keys":
        return f"{owner} reads the known answers, and none are given here: give keys, or choose another"
    return f"{owner} needs a value for {key!r}: set {key}=..."
