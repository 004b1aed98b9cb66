"""Chooses the values for a command among options that redraft.toml or the environment give to several commands.

The command line overrides the environment, and the environment overrides redraft.toml. The settings of a preset or a
format have the precedence of the option that names it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from inspect import signature
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from redraft.store.errors import RedraftError

STRENGTH = {ParameterSource.DEFAULT_MAP: 1, ParameterSource.ENVIRONMENT: 2, ParameterSource.COMMANDLINE: 3}


def strength(context: click.Context, name: str) -> int:
    """Returns the precedence of the place that an option's value comes from: 3 for the command line, 2 for the
    environment, 1 for redraft.toml, and 0 for a default."""
    return STRENGTH.get(context.get_parameter_source(name) or ParameterSource.DEFAULT, 0)


def for_solving(context: click.Context, given: Mapping[str, str]) -> Mapping[str, str]:
    """Returns the arguments of `--set` that concern a strategy. Arguments of filters and formats are left out, unless
    `--set` comes from the command line."""
    if not _is_shared(context):
        return given
    others = _filter_names(context)

    def concerns(key: str) -> bool:
        prefix, dot, _ = key.partition(".")
        if dot:
            return prefix not in others
        return _strategy_takes(context, key) or not _some_takes("format", key)

    return {key: value for key, value in given.items() if concerns(key)}


def for_filters(
    context: click.Context,
    given: Mapping[str, str],
    chain: Any,
    format: Callable[..., Any] | None = None,
) -> Mapping[str, str]:
    """Returns the arguments of `--set` that concern the filters in `chain` or the `format` of an export. Arguments of
    strategies, of other formats and of other filters are left out, unless `--set` comes from the command line. Raises
    PartError for an unknown filter."""
    if not _is_shared(context):
        return given
    from redraft.agents.parts import PARTS
    from redraft.flows.filters.sifting.chain import names_of
    from redraft.store.plugins.discovery import names

    acting = names_of(chain)
    others = {*_filter_names(context), *PARTS, *names("augmentation")}

    def concerns(key: str) -> bool:
        prefix, dot, _ = key.partition(".")
        if dot:
            return prefix in acting or prefix not in others
        own = format is not None and key in signature(format).parameters
        return own or not (_some_takes("format", key) or _some_takes("strategy", key))

    return {key: value for key, value in given.items() if concerns(key)}


class Choice(NamedTuple):
    """The format, the filters and the arguments of an export, and notes about options that override others."""

    format: Any
    filters: Sequence[str] | None
    arguments: Mapping[str, str]
    notes: Sequence[str] = ()


def for_export(
    context: click.Context, format: Any, filters: Sequence[str], arguments: Mapping[str, str], preset: Any
) -> Choice:
    """Returns the format, filters and arguments that the options of an export give together. A preset overrides the
    format, the filters and the arguments that come from a place of lower precedence. Filters from such a place still
    override the default filters of a format, and a note says so. Raises PartError and PresetError."""
    from redraft.flows.export import format_and_filters
    from redraft.flows.filters.sifting.chain import listed
    from redraft.flows.presets.preset import read_preset

    notes: list[str] = []
    if preset is not None:
        weaker = [name for name in ("format", "filter", "set") if strength(context, name) < strength(context, "preset")]
        format = None if "format" in weaker else format
        filters = () if "filter" in weaker else filters
        fixed = read_preset(preset).flat_arguments if "set" in weaker else {}
        arguments = {key: value for key, value in arguments.items() if key not in fixed}
    _, factory, chain = format_and_filters(format, filters or None, preset)
    if filters and format is not None and strength(context, "filter") < strength(context, "format"):
        usual = listed(format_and_filters(format)[2])
        if list(usual) != list(filters):
            place = "redraft.toml or REDRAFT_FILTER"
            notes = [f"filters are those of {place}; format {format} alone takes {_list(usual)}"]
    return Choice(format, filters or None, for_filters(context, arguments, chain, factory), notes)


def _list(filters: Iterable[Any]) -> str:
    return ", ".join(map(str, filters)) or "none"


def _is_shared(context: click.Context) -> bool:
    return strength(context, "set") in (1, 2)


def _filter_names(context: click.Context) -> Collection[str]:
    """Returns the names of redraft's filters, and of the filters that redraft.toml or the environment names."""
    from redraft.store.plugins.discovery import names

    given = context.params.get("filter") or context.lookup_default("filter") or ()
    texts = [given] if isinstance(given, str) else given
    return {*names("filter"), *(text.split()[0].rpartition(":")[2] for text in texts if text.strip())}


def _strategy_takes(context: click.Context, key: str) -> bool:
    from redraft.store.plugins.discovery import load

    try:
        return key in signature(load(context.params.get("strategy") or "correct", "strategy")).parameters
    except RedraftError:  # the stage reports the error
        return True


def _some_takes(kind: str, key: str) -> bool:
    """Returns True if one of redraft's parts of a kind has an argument of this name."""
    from redraft.store.plugins.discovery import load, names

    return any(key in signature(load(name, kind)).parameters for name in names(kind))
