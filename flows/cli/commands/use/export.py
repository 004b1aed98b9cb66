"""`redraft export`: training rows in a file."""

from typing import Any

import click

from redraft.flows.cli import options


@click.command()
@click.argument("file")
@options.DB
@options.FORMAT
@options.FORMAT_FILTER
@options.FILTER_SET
@options.RUN
@options.INCLUDE_HELDOUT
@options.OVERWRITE
@options.JSON
def export(json: bool, filter: tuple[str, ...], set: dict[str, str], **given: Any) -> None:
    """Write the trajectories that the filters keep to FILE, one JSON line each; '-' is standard output.

    Trajectories of held-out problems, of a split such as test, validation or heldout, are counted and left out. Where
    each row came from, and why the others were dropped, is kept in 'datasets' and 'dataset_rows'. 'style=messages'
    (with --set) writes chat messages instead of prompt and completion.
    """
    from redraft.flows.cli.signals import run
    from redraft.flows.export import export as stage

    found = run(stage(filters=filter or None, arguments=set, **given))
    click.echo(found.to_json() if json else found.one_line(), err=found.file == "-")
