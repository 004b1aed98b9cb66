"""`redraft demo`: runs the demonstration, as `make demo` does."""

from pathlib import Path

import click

from redraft.flows.cli import options
from redraft.flows.settings import Selection


@click.command()
@options.option(
    "folder",
    "The folder for the data; an earlier demonstration in it is replaced.",
    default="demo",
    type=click.Path(path_type=Path),
    metavar="PATH",
)
@options.setting(Selection, "limit", default=40)
@options.SAMPLES
@options.SEED
def demo(folder: Path, limit: int, samples: int, seed: int) -> None:
    """Show the embedded model draft, be judged and redraft.

    The demonstration needs no API key and no network, and takes at most a minute.
    """
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal or console.width > WIDEST:
        console.width = WIDEST
    console.rule("[bold cyan]redraft[/]  draft, judge, redraft", align="left", style="cyan")
    console.print(INTRODUCTION)

    from redraft.flows.cli.signals import run
    from redraft.flows.setup.demo import demo as show

    run(show(folder, console, limit=limit, samples=samples, seed=seed))


WIDEST = 96

INTRODUCTION = (
    "A language model small enough to ship with redraft solves word problems it has never seen. Where a draft's"
    " answer is wrong, the model is told so and [bold]drafts again[/]. It is told by an oracle, which knows the"
    " answers: every trajectory that it spoke to is marked [bold]oracle_used[/].\n"
)
