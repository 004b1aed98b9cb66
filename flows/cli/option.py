"""A class of options for the command line. An option knows where its value comes from, and which parts it may name."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click
from click.core import ParameterSource

from redraft.flows.cli.config_file import FILE
from redraft.store.errors import RedraftError

SOURCES = "redraft.sources"
"""The key in click's context under which the values of options are stored with their places."""


class Option(click.Option):
    """An option that records the place of its value, so that a message about the value can name the place.

    If an option has `parts` ("filter"), its help lists the shipped parts of this kind, and then the text of `more`. The
    list is made from file names when the help is printed, so that nothing is imported. Values of a `spaced` option may
    contain spaces; in an environment variable, semicolons separate these values.
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
        self._parts, self._more, self._spaced = parts, more, spaced

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        try:
            value, args = super().handle_parse_result(ctx, opts, args)
        except RedraftError as error:
            place = value_place(ctx, self)
            raise RedraftError(f"{error} (it is {place})" if place else str(error)) from error
        if place := value_place(ctx, self):
            ctx.meta.setdefault(SOURCES, []).append((place, value))
        return value, args

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Returns the value converted to the option's type. A repeatable option may have a single text in redraft.toml.
        Raises BadParameter for a list if the option may not be repeated."""
        if isinstance(value, list) and not self.multiple:
            raise click.BadParameter(f"{value} is a list, and this option takes one value.", ctx, self)
        return super().type_cast_value(ctx, [value] if self.multiple and isinstance(value, str) else value)

    def value_from_envvar(self, ctx: click.Context) -> Any:
        given = self.resolve_envvar_value(ctx)
        if not self._spaced or given is None:
            return super().value_from_envvar(ctx)
        return [part.strip() for part in given.split(";") if part.strip()]

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        if self._parts:
            from redraft.store.plugins.discovery import names

            self.help = f"{self.help} There are {', '.join(names(self._parts))}."
            self._parts = ""
        if self._more:
            self.help, self._more = f"{self.help} {self._more()}", None
        return super().get_help_record(ctx)


def value_place(ctx: click.Context | None, parameter: click.Parameter | None) -> str:
    """Returns the place that an option's value comes from, such as "REDRAFT_LIMIT in the environment". Returns "" for
    the command line."""
    if ctx is None or parameter is None or parameter.name is None:
        return ""
    source = ctx.get_parameter_source(parameter.name)
    if source is ParameterSource.ENVIRONMENT:
        return f"{parameter.envvar} in the environment"
    return f"{parameter.name!r} in {FILE}" if source is ParameterSource.DEFAULT_MAP else ""


def with_place(ctx: click.Context, message: str) -> str:
    """Returns the message of a mistake with the place of the value that it names. Values from the command line get no
    place."""
    for place, value in ctx.meta.get(SOURCES, []):
        for word in _words(value):
            if re.search(rf"(?<![\w./-]){re.escape(word)}(?![\w/-])", message):
                return f"{message} ({word} is from {place})"
    return message


def _words(value: Any) -> Iterator[str]:
    """Returns the texts by which a message may name a value. Numbers are left out, since many messages have numbers."""
    if isinstance(value, str):
        yield from [value] if value and not value.isdigit() else []
    elif isinstance(value, Mapping):
        yield from value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _words(one)
