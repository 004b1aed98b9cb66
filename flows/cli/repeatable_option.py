"""An option of the command line that is given several times, or as several values at once."""

from typing import Any

import click

from redraft.flows.cli.sourced_option import SourcedOption


class Several(SourcedOption):
    """An option that may be repeated, each of whose values may hold spaces: in the environment semicolons stand between
    them."""

    def value_from_envvar(self, ctx: click.Context) -> Any:
        given = self.resolve_envvar_value(ctx)
        return None if given is None else [part.strip() for part in given.split(";") if part.strip()]
