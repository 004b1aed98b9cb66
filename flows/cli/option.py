"""An option of the command line: where its value comes from, which parts it may name, and how it is repeated."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click
from click.core import ParameterSource

from redraft.flows.cli.config_file import FILE
from redraft.store.errors import RedraftError

SOURCES = "redraft.sources"
"""The key in click's context under which values are noted with their places."""


class Option(click.Option):
    """An option that notes the place of its value, so that a mistake in the value names the place.

    An option that names `parts` ("filter") lists in its help those that ship, and then `more`. Both are found when help
    is asked for, from the names of files: nothing is imported. Values of a `spaced` option may hold spaces: in the
    environment semicolons stand between them.
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
        """The value as the option's type. One text in redraft.toml is enough for an option that may be repeated. Raises
        BadParameter for a list if the option may not be repeated."""
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
    """The place that an option's value comes from, such as "REDRAFT_LIMIT in the environment"; empty for the command
    line."""
    if ctx is None or parameter is None or parameter.name is None:
        return ""
    source = ctx.get_parameter_source(parameter.name)
    if source is ParameterSource.ENVIRONMENT:
        return f"{parameter.envvar} in the environment"
    return f"{parameter.name!r} in {FILE}" if source is ParameterSource.DEFAULT_MAP else ""


def with_place(ctx: click.Context, message: str) -> str:
    """A mistake's message with the place of the value that it names, if that is not the command line."""
    for place, value in ctx.meta.get(SOURCES, []):
        for word in _words(value):
            if re.search(rf"(?<![\w./-]){re.escape(word)}(?![\w/-])", message):
                return f"{message} ({word} is from {place})"
    return message


def _words(value: Any) -> Iterator[str]:
    """The texts by which a message may name a value. Numbers are left out: they stand for too much."""
    if isinstance(value, str):
        yield from [value] if value and not value.isdigit() else []
    elif isinstance(value, Mapping):
        yield from value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _words(one)
