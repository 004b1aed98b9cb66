"""`redraft strategies`: lists the strategies, and the settings of each strategy."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from redraft.flows.cli import options
from redraft.flows.settings import BUILD_SETTINGS

if TYPE_CHECKING:
    from rich.console import Console

    from redraft.agents.strategy_settings import Setting, Strategy


@click.command()
@click.argument("name", required=False)
@options.option("set", "Show the arguments of this part, not of the default, as in feedback=tool.", multiple=True,
                callback=options.pairs, metavar="KEY=VALUE")  # fmt: skip
@options.JSON
def strategies(name: str | None, set: dict[str, str], json: bool) -> int:
    """List the strategies, or the arguments of the strategy NAME.

    With NAME, the arguments of its parts are listed too. NAME may be your own, as path.py:function. Each argument is
    shown with its default, its type and its meaning. `redraft generate --set turns=2` sets the argument turns.
    """
    from dataclasses import asdict
    from json import dumps

    from redraft.agents.strategy_settings import describe
    from redraft.agents.strategy_settings import strategies as every

    found = [describe(name, set)] if name else every()
    if json:
        click.echo(dumps([asdict(one) for one in found], default=str))
        return 0
    from rich.console import Console

    console = Console(highlight=False)
    for one in found:
        _show(one, console, whole=bool(name))
    if not name:
        console.print("`redraft strategies NAME` shows the arguments of its parts too.", markup=False)
    return 0


def _show(strategy: "Strategy", console: "Console", *, whole: bool) -> None:
    """Prints a strategy with its arguments and its parts. If `whole`, it also prints the arguments of the parts."""
    from rich.text import Text

    console.print(Text(strategy.name, style="bold cyan"))
    console.print(_plain(strategy.about), markup=False)
    own = [one for one in strategy.settings if whole or not (one.choices or "." in one.name)]
    if own:
        console.print(_table(own))
    parts = [f"{one.name}={_value(one.default)}" for one in strategy.settings if one.choices and "." not in one.name]
    if parts and not whole:
        console.print(Text(f"parts: {', '.join(parts)}", style="dim"))
    console.print()


def _table(settings: "Sequence[Setting]") -> Any:
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(style="dim", max_width=20)
    table.add_column(ratio=1)
    for one in settings:
        about = _plain(one.about) + (f" Available: {', '.join(one.choices)}." if one.choices else "")
        option = f" (--{one.name})" if one.name in BUILD_SETTINGS else ""
        value = " (needed)" if one.required and not one.choices else f"={_value(one.default)}"
        table.add_row(f"{one.name}{value}", one.type, f"{about}{option}")
    return table


def _plain(text: str) -> str:
    return text.replace("`", "")


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
