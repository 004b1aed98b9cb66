"""The JSON schema of the settings of a strategy, of its parts and of its model."""

import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from redraft.agents.build import Spec, parameters
from redraft.agents.strategy_settings import Setting, describe
from redraft.llm.model import Sampling

SAMPLING = Sampling()
MODEL: Mapping[str, tuple[Any, Any, str]] = {
    "model": (str, "embedded", "The language model: embedded (no key, no network), or any name that LiteLLM knows."),
    "api_base": (str | None, None, "The address of an OpenAI-compatible server that serves the model."),
    "temperature": (float, SAMPLING.temperature, "How varied drafts are; 0 gives the most likely one."),
    "top_p": (float | None, None, "Each token is drawn from the likeliest ones that together have this probability."),
    "top_k": (int | None, None, "Each token is drawn from this many of the likeliest ones."),
    "min_p": (float | None, None, "Each token is drawn from those at least this likely, as a share of the likeliest."),
    "max_tokens": (int, SAMPLING.max_tokens, "The most tokens of a draft."),
    "seed": (int, SAMPLING.seed, "Another seed gives other drafts."),
}
"""The settings of every strategy's model: the type, the default and the description of each."""


def arguments_schema(strategy: Spec) -> type:
    """Returns a TypedDict class of all settings, for `StateGraph(context_schema=...)`. Raises PartError for an unknown
    strategy."""
    found = {name: _field(*facts) for name, facts in MODEL.items()}
    where = parameters(strategy)
    for setting in describe(strategy).settings:
        parameter, _ = where[setting.name]
        kind = str | None if setting.choices else _plain_type(parameter.annotation)
        default = setting.default if isinstance(setting.default, str | int | float | None) else str(setting.default)
        found[setting.name] = _field(kind, default, _about(setting))
    return TypedDict("Arguments", found, total=False)  # type: ignore[operator, misc]


def _field(kind: Any, default: Any, about: str) -> Any:
    return Annotated[kind, Field(description=about, json_schema_extra={"default": default})]


def _about(setting: Setting) -> str:
    there = f"There are {', '.join(setting.choices)}; yours as path.py:function." if setting.choices else ""
    return " ".join(filter(None, (setting.about or f"It wants {setting.type}.", there)))


def _plain_type(hint: Any) -> Any:
    """Returns the JSON type of an argument: `str` if JSON has no such type."""
    members = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    return hint if all(map(_in_json, members)) else str | None


def _in_json(kind: Any) -> bool:
    if typing.get_origin(kind) is typing.Literal or kind in (types.NoneType, bool, int, float, str):
        return True
    return isinstance(kind, type) and issubclass(kind, Enum)
