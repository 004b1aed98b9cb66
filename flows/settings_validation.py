"""Validates a user's values against the fields of a settings class, with Pydantic. Every stage uses this validation."""

import inspect
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import cache, wraps
from typing import Annotated, Any, ParamSpec, TypeVar, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    create_model,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from redraft.flows.evaluation.method import Method
from redraft.flows.settings import Settings, SettingsError
from redraft.llm.limits import Budget, Limits
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.shared.redaction import redacted_line
from redraft.llm.usage import Prices
from redraft.store.errors import alternatives
from redraft.store.fields import described

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


def takes(
    kind: Callable[P, T],
) -> Callable[[Callable[[T], Coroutine[Any, Any, R]]], Callable[P, Coroutine[Any, Any, R]]]:
    """Returns a decorator that turns a stage with one object of settings into a function with a keyword for each
    setting, such as `generate(source, samples=4)`.

    The function raises SettingsError with a one-line message for an unknown name or a wrong value.
    """

    def decorate(stage: Callable[[T], Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        there = signature(kind)
        places = [name for name, one in there.parameters.items() if one.kind is one.POSITIONAL_OR_KEYWORD]

        @wraps(stage)
        async def run(*given: Any, **named: Any) -> R:
            if len(given) > len(places) or set(places[: len(given)]) & named.keys():
                there.bind(*given, **named)  # raises TypeError, like any Python function
            return await stage(read(kind, {**dict(zip(places, given, strict=False)), **named}))

        about = [f"    {name}: {field.metadata['about']}" for name, field in described(kind).items()]
        run.__doc__ = "\n".join([inspect.getdoc(stage) or "", "\nArgs:", *about])
        run.__signature__ = there  # type: ignore[attr-defined]
        del run.__wrapped__  # type: ignore[attr-defined]
        return run  # type: ignore[return-value]

    return decorate


def signature(kind: Any) -> inspect.Signature:
    """Returns the signature of a settings class, including the default values, so that `help` shows them."""
    parameters = []
    for one in sorted(fields(kind), key=lambda one: bool(one.kw_only)):
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        place = inspect.Parameter.KEYWORD_ONLY if one.kw_only else inspect.Parameter.POSITIONAL_OR_KEYWORD
        default = inspect.Parameter.empty if default is MISSING else default
        parameters.append(inspect.Parameter(one.name, place, default=default, annotation=one.type))
    return inspect.Signature(parameters)


def read(kind: Callable[..., T], given: Mapping[str, Any]) -> T:
    """Returns the settings with these names and values. `arguments=None` means no arguments. Raises SettingsError with
    a one-line message."""
    names = [one.name for one in fields(kind)]  # type: ignore[arg-type]
    for name in given:
        if name not in names:
            cure = (
                f"give an argument of a part as arguments={{{name!r}: ...}}" if "arguments" in names else "leave it out"
            )
            raise SettingsError(f"no setting {name!r}; {alternatives(name, sorted(names), f': correct it, or {cure}')}")
    checked = described(kind)
    values = {name: value for name, value in given.items() if name in checked}
    if values.get("arguments", ...) is None:
        del values["arguments"]
    try:
        found = _model(kind).model_validate(values)
    except ValidationError as error:
        raise SettingsError("; ".join(mistakes(error))) from None
    rest = {name: value for name, value in given.items() if name not in checked}
    return kind(**rest, **{name: getattr(found, name) for name in values})


def mistakes(error: ValidationError, apart: Sequence[str] = ()) -> Iterator[str]:
    """Yields a message for each wrong setting, such as "samples='three' must be a whole number". Secrets are masked.
    Errors whose Pydantic types are in `apart` are left out."""
    wrong: dict[str, tuple[list[str], Any]] = {}
    for one in error.errors():
        if one["type"] in apart:
            continue
        place = ".".join(str(part) for part in one["loc"] if not _is_branch(part))
        texts, _ = wrong.setdefault(place, ([], one["input"]))
        wanted = WANTED.get(one["type"], "{msg}").format(msg=one["msg"], **one.get("ctx", {}))
        texts += [wanted] if wanted not in texts else []
    for place, (texts, value) in wrong.items():
        yield redacted_line(f"{place}={value!r} must be {' or '.join(texts)}")


def _is_branch(part: int | str) -> bool:
    """Returns whether an item of Pydantic's error location is its name for a branch of a union, which users do not
    know."""
    return isinstance(part, str) and (part in BRANCHES or part[:1].isupper() or "[" in part)


def model_fields(kind: Any, types: Mapping[str, Any]) -> dict[str, tuple[Any, FieldInfo]]:
    """Returns the fields of a class of settings as a dict from name to (type, FieldInfo), for a Pydantic model. `types`
    maps names in the annotations to types."""
    hints = get_type_hints(kind, localns={**TYPES, **types}, include_extras=True)
    found = {}
    for name, one in described(kind).items():
        bounds = dict(one.metadata["bounds"])
        if "float" in str(one.type):
            bounds["allow_inf_nan"] = False
        default = {"default_factory": one.default_factory} if one.default is MISSING else {"default": one.default}
        kind = hints[name]
        if NUMBER.search(str(one.type)):
            kind = Annotated[kind, BeforeValidator(_no_truth)]
        found[name] = kind, Field(description=one.metadata["about"], **default, **bounds)
    return found


@cache
def _model(kind: Any) -> type[BaseModel]:
    config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())
    given: dict[str, Any] = dict(model_fields(kind, {}))
    return create_model(kind.__name__, __config__=config, **given)


def _no_truth(value: Any) -> Any:
    """Returns the value. Raises PydanticCustomError for a bool, which Pydantic would take as 0 or 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("number", "a number")
    return value


def _model_or_error(value: Any) -> Any:
    if not callable(getattr(value, "complete", None)):
        raise PydanticCustomError("model", "a Model")
    return value


def _checked(value: Any) -> Any:
    if not isinstance(value, Settings):
        raise PydanticCustomError("settings", "Settings, as in Settings(samples=4)")
    return read(type(value), vars(value))


def _positive(budget: Budget) -> Budget:
    for name in described(Budget):
        most = getattr(budget, name)
        if most is not None and not 0 <= most < float("inf"):
            raise PydanticCustomError("budget", "a Budget")
    return budget


Filled = Annotated[str, StringConstraints(min_length=1)]
TYPES = {
    "Any": Any,
    "Budget": Annotated[Budget, AfterValidator(_positive)],
    "Limits": Limits,
    "Mapping": Mapping,
    "Method": Method,
    "Model": Annotated[Any, AfterValidator(_model_or_error)],
    "Name": Filled,
    "Prices": Prices,
    "Prompts": Prompts,
    "Sequence": Sequence,
    "Settings": Annotated[Any, AfterValidator(_checked)],
    "Spec": Callable[..., Any],
}
"""The types by which Pydantic reads the names in annotations of settings."""

NUMBER = re.compile(r"\b(int|float)\b")
"""Matches the annotation of a field that takes a number."""

BRANCHES = ("str", "constrained-str", "callable", "function-after")

WANTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "budget": "a Budget of amounts that are finite and at least 0",
    "callable_type": "a function",
    "dataclass_type": "a {class_name}",
    "dict_type": "a mapping from names to values",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "is_instance_of": "a {class}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "mapping_type": "a mapping from names to values",
    "model": "a Model",
    "number": "a number",
    "model_attributes_type": "a mapping from names to values",
    "model_type": "a mapping from names to values",
    "sequence_str": "a list: put it in brackets",
    "sequence_type": "a list",
    "string_too_short": "a text that is not empty",
    "string_type": "a text",
    "string_unicode": "a text of whole characters",
    "too_long": "a list of at most {max_length}",
    "too_short": "a list of at least {min_length}",
}
"""The text after "must be" in a message, by the type of Pydantic's error. For other types Pydantic's own message is
used."""
