"""Options of the command line that remember where their value comes from, so that a mistake in it names the place."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import click
from click.core import ParameterSource

from redraft.flows.cli.config_file import FILE
from redraft.store.errors import RedraftError


class SourcedOption(click.Option):
    """An option that notes its value if that comes from the environment or from redraft.toml."""

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        try:
            value, args = super().handle_parse_result(ctx, opts, args)
        except RedraftError as error:
            where = place(ctx, self)
            raise RedraftError(f"{error} (it is {where})" if where else str(error)) from error
        if where := place(ctx, self):
            ctx.meta.setdefault(NOTED, []).append((where, value))
        return value, args

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """One text in redraft.toml is enough for an option that may be repeated, and no other takes a list."""
        if isinstance(value, list) and not self.multiple:
            raise click.BadParameter(f"{value} is a list, and this option takes one value.", ctx, self)
        return super().type_cast_value(ctx, [value] if self.multiple and isinstance(value, str) else value)


def place(ctx: click.Context | None, parameter: click.Parameter | None) -> str:
    """Where an option's value comes from, such as "REDRAFT_LIMIT in the environment"; empty for the command line."""
    if ctx is None or parameter is None or parameter.name is None:
        return ""
    source = ctx.get_parameter_source(parameter.name)
    if source is ParameterSource.ENVIRONMENT:
        return f"{parameter.envvar} in the environment"
    return f"{parameter.name!r} in {FILE}" if source is ParameterSource.DEFAULT_MAP else ""


def sourced(ctx: click.Context, message: str) -> str:
    """A mistake's message with the place of the value that it names, if that is not the command line."""
    for where, value in ctx.meta.get(NOTED, []):
        for word in _words(value):
            if re.search(rf"(?<![\w./-]){re.escape(word)}(?![\w/-])", message):
                return f"{message} ({word} is from {where})"
    return message


def _words(value: Any) -> Iterator[str]:
    """The texts by which a message may name a value: numbers stand for too much."""
    if isinstance(value, str):
        yield from [value] if value and not value.isdigit() else []
    elif isinstance(value, Mapping):
        yield from value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _words(one)


NOTED = "redraft.sources"
