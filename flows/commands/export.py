"""`redraft export`: training rows in a file."""

from typing import Any

import click

from redraft.flows import options


@click.command()
@click.argument("file")
@options.DB
@options.option(
    "format",
    "How rows are written: {names}, or your own as path.py:function.",
    **options.part("format"),
    default="sft",
    metavar="NAME",
)
@options.FILTER
@options.FILTER_SET
@options.RUN
@options.OVERWRITE
@options.JSON
def export(json: bool, filter: tuple[str, ...], set: dict[str, str], **given: Any) -> None:
    """Write the trajectories that the filters keep to FILE, one JSON line each.

    Where each row came from, and why the others were dropped, is kept in 'datasets' and 'dataset_rows'.
    'style=messages' (with --set) writes chat messages instead of prompt and completion.
    """
    from redraft.flows.export import export as stage
    from redraft.flows.interrupt import run
    from redraft.flows.outcome import outcome

    click.echo(outcome(run(stage(filters=filter, arguments=set, **given)), json))
