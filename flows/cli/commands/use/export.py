"""`redraft export`: writes training rows to a file."""

from dataclasses import replace
from typing import Any

import click

from redraft.flows.cli import options


@click.command()
@click.argument("file")
@options.DB
@options.FORMAT
@options.PRESET
@options.FORMAT_FILTER
@options.FILTER_SET
@options.TRAINER
@options.SHARDS
@options.VALIDATION
@options.RUN
@options.INCLUDE_HELDOUT
@options.OVERWRITE
@options.JSON
def export(json: bool, filter: tuple[str, ...], set: dict[str, str], **given: Any) -> None:
    """Write training rows of trajectories that pass the filters.

    If FILE is '-', the rows are written to standard output. The extension of FILE decides the file format: .jsonl,
    .jsonl.zst, .parquet, a folder/ with a dataset card, or .eval, a log of Inspect.

    Trajectories of held-out problems (of a split such as test, validation or heldout) are left out and counted. The
    tables 'datasets' and 'dataset_rows' record the trajectory of each row, and why other trajectories were dropped.
    --set style=messages writes chat messages instead of prompt and completion.
    """
    from redraft.flows.cli.shared_options import for_export
    from redraft.flows.cli.signals import run
    from redraft.flows.export import export as stage

    chosen = for_export(click.get_current_context(), given.pop("format"), filter, set, given["preset"])
    named = {"format": chosen.format, "filters": chosen.filters, "arguments": chosen.arguments}
    found = run(stage(**named, trainer=given.pop("for"), **given))
    found = replace(found, notes=(*found.notes, *chosen.notes))
    shown = found.to_json() if json else "\n".join([found.one_line(), *found.notes])
    click.echo(shown, err=found.file == "-")
