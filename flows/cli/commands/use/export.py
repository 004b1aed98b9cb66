"""`redraft export`: writes training rows to a file."""

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
    """Write a JSON line to FILE for each trajectory that the filters keep; '-' is standard output.

    Trajectories of held-out problems, of a split such as test, validation or heldout, are counted and left out. The
    tables 'datasets' and 'dataset_rows' record the trajectory of each row, and why other trajectories were dropped.
    'style=messages' (with --set) writes chat messages instead of prompt and completion.
    """
    from redraft.flows.cli.signals import run
    from redraft.flows.export import export as stage

    found = run(stage(filters=filter or None, arguments=set, **given))
    click.echo(found.to_json() if json else found.one_line(), err=found.file == "-")
