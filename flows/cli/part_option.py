"""An option of the command line that names a part, such as a strategy or a filter."""

from collections.abc import Callable

import click

from redraft.flows.cli.repeatable_option import Several
from redraft.flows.cli.sourced_option import SourcedOption


class PartOption(SourcedOption):
    """An option whose help lists the parts that ship, in the place of `{names}`. They are found when help is asked
    for, from the names of files: nothing is imported. `usual`, which is asked then too, stands in the place of
    `{usual}`."""

    def __init__(
        self,
        *flags: object,
        noun: str,
        usual: Callable[[], str] = lambda: "",
        **facts: object,
    ) -> None:
        super().__init__(*flags, **facts)  # type: ignore[arg-type]
        self._noun, self._usual = noun, usual

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        from redraft.store.plugins.discovery import names

        there = ", ".join(names(self._noun))
        self.help = (self.help or "").replace("{names}", there).replace("{usual}", self._usual())
        return super().get_help_record(ctx)


class SeveralParts(PartOption, Several):
    """The same, given several times with settings that may hold spaces."""
