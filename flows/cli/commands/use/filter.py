"""`redraft filter`: chooses the trajectories that are good enough to train on."""

from typing import Any

import click

from redraft.flows.cli import options


@click.command()
@options.DB
@options.FILTER
@options.FILTER_SET
@options.RUN
@options.INCLUDE_HELDOUT
@options.JSON
def filter(json: bool, filter: tuple[str, ...], set: dict[str, str], **given: Any) -> None:
    """Pass every stored trajectory through filters, and record which trajectories were dropped and why.

    The result is a row in 'datasets', and a row in 'dataset_rows' for each trajectory. Nothing is deleted. Trajectories
    of held-out problems, of a split such as test, validation or heldout, are counted and left out.
    """
    from redraft.flows.cli.signals import run
    from redraft.flows.filter import filter as stage

    found = run(stage(filters=filter or None, arguments=set, **given))
    click.echo(found.to_json() if json else found.one_line())
