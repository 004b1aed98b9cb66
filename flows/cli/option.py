"""The class of the command line's options. An option records where its value comes from, and which kind of parts it
names."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from redraft.flows.cli.config_file import FILE
from redraft.store.errors import RedraftError

ON_COMMAND_LINE = "on the command line"
LONGEST_NAMED = 40  # characters of a value in the note about its place
PLACES = "redraft.places"
"""The key in click's context of a dict (command, parameter) -> place, for values that a pipeline file gives."""

SOURCES = "redraft.sources"
"""The key in click's context of a list of Place: the options' values and where they come from."""


class Place(NamedTuple):
    """The place that an option's value comes from, the value, and the kind of part that the value names ("filter"), or
    "" if it names no part."""

    place: str
    value: Any
    kind: str


class Option(click.Option):
    """An option that records where its value comes from, so that an error about the value can name the place.

    If `parts` is given ("filter"), the help lists redraft's parts of this kind. `more` returns a text that is added to
    the help. The list is made from file names when the help is printed, so that nothing is imported. Values of a
    `spaced` option may contain spaces; in an environment variable, semicolons separate these values.
    """

    def __init__(
        self,
        *flags: Any,
        parts: str = "",
        more: Callable[[], str] | None = None,
        spaced: bool = False,
        **facts: Any,
    ) -> None:
        super().__init__(*flags, **facts)
        self.parts, self._more, self._spaced = parts, more, spaced
        self._listed = False

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        try:
            value, args = super().handle_parse_result(ctx, opts, args)
        except RedraftError as error:
            place = value_place(ctx, self)
            raise RedraftError(f"{error} (it is {place})" if place else str(error)) from error
        if (place := value_place(ctx, self)) and not place.endswith(ON_COMMAND_LINE):
            ctx.meta.setdefault(SOURCES, []).append(
                Place(place, value, "" if isinstance(value, Mapping) else self.parts)
            )
        return value, args

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Returns the value converted to the option's type. For a repeatable option, redraft.toml may have one string
        or a list. Raises BadParameter for a list if the option may not be repeated."""
        if isinstance(value, list) and not self.multiple:
            raise click.BadParameter(f"{value} is a list, and this option takes one value.", ctx, self)
        return super().type_cast_value(ctx, [value] if self.multiple and isinstance(value, str) else value)

    def value_from_envvar(self, ctx: click.Context) -> Any:
        given = self.resolve_envvar_value(ctx)
        if not self._spaced or given is None:
            return super().value_from_envvar(ctx)
        return [part.strip() for part in given.split(";") if part.strip()]

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        if self.parts and not self._listed:
            from redraft.store.plugins.discovery import names

            self.help, self._listed = f"{self.help} Available: {', '.join(names(self.parts))}.", True
        if self._more:
            self.help, self._more = f"{self.help} {self._more()}", None
        return super().get_help_record(ctx)


def value_place(ctx: click.Context | None, parameter: click.Parameter | None) -> str:
    """Returns the place that an option's value comes from, such as "REDRAFT_LIMIT in the environment" or "--limit on
    the command line". Returns "" for a default, and for a positional argument."""
    if ctx is None or parameter is None or parameter.name is None:
        return ""
    source = ctx.get_parameter_source(parameter.name)
    if source is ParameterSource.ENVIRONMENT:
        return f"{parameter.envvar} in the environment"
    if source is ParameterSource.COMMANDLINE and isinstance(parameter, Option):
        return f"{max(parameter.opts, key=len)} {ON_COMMAND_LINE}"
    if source is not ParameterSource.DEFAULT_MAP:
        return ""
    return f"{parameter.name!r} in {ctx.meta.get(PLACES, {}).get((ctx.info_name, parameter.name), FILE)}"


def with_place(ctx: click.Context, message: str) -> str:
    """Returns an error message, with the place that the wrong value comes from added at its end, unless the message
    names the place. No place is added for values on the command line, which users see. The value is searched before
    the first colon of the message, since the cure follows it; the name of a part is searched after its kind."""
    said = message.partition(": ")[0]
    for place, value, kind in ctx.meta.get(SOURCES, []):
        if place.split()[0] in message:
            continue
        for word in _words(value):
            subject = rf"\b{kind} ['\"]{re.escape(word)}['\"]" if kind else rf"(?<![\w./-]){re.escape(word)}(?![\w/-])"
            if re.search(subject, said):
                return f"{message} ({word if len(word) <= LONGEST_NAMED else 'it'} is from {place})"
    return message


def without_others(message: str, command: click.Command | None) -> str:
    """Returns the message of a mistake without options that the command lacks: a cure such as "name another with --db"
    becomes "name another"."""
    if command is None:
        return message
    parts = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    own = {flag for part in parts for parameter in part.params for flag in parameter.opts}
    return re.sub(r" with (--[a-z-]+)(?=$|[,.;:)])", lambda found: found[0] if found[1] in own else "", message)


def _words(value: Any) -> Iterator[str]:
    """Yields the strings in a value that a message may contain. Numbers are left out, since many messages have
    numbers."""
    if isinstance(value, str):
        yield from [value] if value and not value.isdigit() else []
    elif isinstance(value, Mapping):
        yield from value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _words(one)
