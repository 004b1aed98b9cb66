"""`redraft pipeline`: runs all commands from the questions to a dataset."""

from typing import Any

import click
from click.core import ParameterSource

from redraft.flows.cli import options
from redraft.flows.cli.pipeline import read_pipeline, run_pipeline
from redraft.flows.settings import ModelSettings, StoreSettings

FIRST = "The source of the first stage: a file of questions, or 'builtin'."


@click.command()
@click.argument("name", metavar="NAME|FILE.toml")
@options.option("source", FIRST, metavar="SOURCE")
@options.LIMIT
@options.setting(StoreSettings, "db", metavar="PATH")
@options.setting(ModelSettings, "model")
@options.API_BASE
@click.pass_context
def pipeline(context: click.Context, name: str, **given: Any) -> int:
    """Run the commands of a pipeline file one after another.

    A pipeline is a TOML file with a table for each command, such as [augment], in order. The keys of a table are the
    options of its command. Available: metamath, mugglemath, scalequest.

    All options are checked before the first command runs. --db, --model and --api-base apply to every command that has
    them, --source and --limit to the first command. If a command fails, the pipeline ends with its exit code. If you
    repeat the pipeline, each command continues where it stopped, and no answered call is repeated.
    """
    assert context.parent
    assert isinstance(context.parent.command, click.Group)
    typed = ParameterSource.COMMANDLINE
    own = {key: value for key, value in given.items() if context.get_parameter_source(key) is typed}
    about, stages = read_pipeline(name, context.parent.command, context.parent)
    if about:
        click.echo(f"{name}: {about}", err=True)
    return run_pipeline(name, stages, own, context.parent)
