"""`redraft filter`: selects the trajectories that are good enough to train on."""

from typing import Any

import click

from redraft.flows.cli import options


@click.command()
@options.DB
@options.FILTER
@options.FILTER_SET
@options.RUN
@options.INCLUDE_HELDOUT
@options.option(
    "preview", "Show the trajectories that each filter would drop, with examples, and store nothing.", is_flag=True
)
@options.JSON
def filter(json: bool, filter: tuple[str, ...], set: dict[str, str], preview: bool, **given: Any) -> None:
    """Filter stored trajectories, and record why some are dropped.

    The result is a row in 'datasets', and a row in 'dataset_rows' for each trajectory. Nothing is deleted. Trajectories
    of held-out problems (of a split such as test, validation or heldout) are left out and counted.

    Filters are applied in the given order. A filter may have arguments: --filter "cap most=2" or --set cap.most=2.
    """
    from redraft.flows.cli.shared_options import for_filters
    from redraft.flows.cli.signals import run
    from redraft.flows.filter import filter as stage
    from redraft.flows.filter import preview as preview_stage
    from redraft.flows.filters.filter import DEFAULTS

    own = for_filters(click.get_current_context(), set, filter or DEFAULTS)
    arguments = {"filters": filter or None, "arguments": own, **given}
    if preview:
        seen = run(preview_stage(**arguments))
        click.echo(seen.to_json() if json else seen.text())
    else:
        found = run(stage(**arguments))
        click.echo(found.to_json() if json else found.one_line())
