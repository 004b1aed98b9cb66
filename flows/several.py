"""An option of the command line that is given several times, or as several values at once."""

from typing import Any

import click


class Several(click.Option):
    """An option that may be repeated, each of whose values may hold spaces: in the environment semicolons stand between
    them, and in redraft.toml it is a text or a list of them."""

    def value_from_envvar(self, ctx: click.Context) -> Any:
        given = self.resolve_envvar_value(ctx)
        return None if given is None else [part.strip() for part in given.split(";") if part.strip()]

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        return super().type_cast_value(ctx, [value] if isinstance(value, str) else value)
