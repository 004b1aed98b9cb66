"""`redraft train`: the embedded model, tuned on exported rows."""

from typing import Any

import click

from redraft.flows.cli import options


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@options.option("out", "The folder that the weights are written to.", required=True, metavar="FOLDER")
@options.option("model", "Where training begins: embedded, or embedded:FOLDER.", default="embedded", metavar="NAME")
@options.option("epochs", "How often each row is learnt from.", type=click.IntRange(1), default=1, metavar="N")
@options.option("rate", "The highest learning rate.", type=options.Finite(0, min_open=True), default=6e-4, metavar="X")
@options.option(
    "replay",
    "The share of rows that come from the first training, against forgetting.",
    type=options.Finite(0, 1, max_open=True),
    default=0.25,
    metavar="X",
)
@options.option("seed", "The same seed gives the same weights, on one machine.", type=int, default=0, metavar="N")
@options.option("threads", "Processor threads.", type=click.IntRange(1), default=1, metavar="N")
@options.option(
    "db",
    "Rows with the question of a held-out problem of this store are left out; redraft.duckdb if there is one.",
    metavar="PATH",
)
@options.INCLUDE_HELDOUT
@options.OVERWRITE
@options.JSON
def train(
    files: tuple[str, ...],
    out: str,
    model: str,
    db: str | None,
    json: bool,
    overwrite: bool,
    include_heldout: bool,
    **given: Any,
) -> None:
    """Tune the embedded model on the rows of FILEs, as `redraft export` writes them (rise, sft or messages).

    A row that has a 'weight' counts by it. '--model embedded:FOLDER' then uses the weights. Rows of held-out problems
    are counted and left out. Needs redraft[train].
    """
    from dataclasses import asdict
    from json import dumps

    from redraft.flows.cli.signals import run
    from redraft.flows.train import train as stage
    from redraft.llm.providers.embedded.training.examples import FinetuneSettings

    def say(line: str) -> None:
        click.echo(line, err=True)

    settings = FinetuneSettings(**given)
    tuned = run(
        stage(
            files, out, model=model, settings=settings, overwrite=overwrite, db=db, include_heldout=include_heldout,
            say=say,
        )
    )  # fmt: skip
    if json:
        click.echo(dumps(asdict(tuned)))
    else:
        losses = f"loss {tuned.first_loss:.4f}, then {tuned.last_loss:.4f}"
        left = f"{tuned.held_out:,} held out, " if tuned.held_out else ""
        click.echo(f"{tuned.lessons:,} rows, {left}{tuned.steps:,} steps, {losses}: use it with --model embedded:{out}")
