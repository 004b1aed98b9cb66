"""`redraft train`: tunes the embedded model on exported rows."""

from typing import Any

import click

from redraft.flows.cli import options
from redraft.llm.providers.embedded.training.settings import FinetuneSettings
from redraft.store.fields import described


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@options.option("out", "The output folder for the weights.", required=True, metavar="FOLDER")
@options.option(
    "model", "The model that training starts from: embedded, or embedded:FOLDER.", default="embedded", metavar="NAME"
)
@options.several(*(options.setting(FinetuneSettings, name) for name in described(FinetuneSettings)))
@options.option(
    "db",
    "Leave out rows with the question of a held-out problem of this store; by default redraft.duckdb, if it exists.",
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
    """Fine-tune the embedded model on exported rows.

    `redraft export` writes the rows (rise, mended, sft or messages). The column 'weight' is the weight of a row in the
    loss. '--model embedded:FOLDER' then uses the fine-tuned model. Rows of held-out problems are left out and counted.
    Needs redraft[train].
    """
    from dataclasses import asdict
    from json import dumps

    from redraft.flows.cli.signals import run
    from redraft.flows.settings_validation import read
    from redraft.flows.train import train as stage
    from redraft.store.errors import plural

    def say(line: str) -> None:
        click.echo(line, err=True)

    settings = read(FinetuneSettings, given)
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
        told = f"{plural(tuned.lessons, 'row')}, {left}{plural(tuned.steps, 'step')}, {losses}"
        click.echo(f"{told}: use it with --model embedded:{out}")
