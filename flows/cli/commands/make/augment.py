"""`redraft augment`: new questions from old ones."""

from dataclasses import asdict
from json import dumps
from typing import Any

import click

from redraft.flows.cli import options
from redraft.flows.settings import AugmentSettings


@click.command()
@click.argument("source", default="builtin")
@options.DB
@options.setting(AugmentSettings, "methods", "method", parts="augmentation", multiple=True)
@options.setting(AugmentSettings, "skip_impossible")
@options.several(options.MODEL, options.API_BASE, options.PROMPTS, options.PRICES)
@options.several(options.setting(AugmentSettings, "strategy"), options.setting(AugmentSettings, "samples"), options.SET)
@options.several(
    options.TEMPERATURE, options.TRUNCATION, options.MAX_TOKENS, options.SEED, options.LIMIT, options.REPLICATE
)
@options.CONCURRENCY
@options.SANDBOX
@options.PACE
@options.BUDGETS
@options.QUESTION_COLUMN
@options.ANSWER_COLUMN
@options.SKIP_BAD
@options.JSON
def augment(source: str, json: bool, set: dict[str, str], method: tuple[str, ...], **given: Any) -> int:
    """Make new questions from old ones, test each, and store them.

    SOURCE is as in 'redraft generate'. A new question is tested by sampled answers: they must equal the answer that is
    known, or agree if none is known. Without --method, all methods act that the model can do. The arguments of methods
    are set as --set rephrase.rewrites=2, the others are those of the strategy that answers.

    'problems' has the accepted questions, and the view 'rewrites' all of them, with the reason of each that was
    refused. If you repeat the command, it makes what is missing and tries failed problems again. The exit code is 1 if
    something failed.
    """
    from redraft.flows.augment import augment as stage
    from redraft.flows.cli.signals import run
    from redraft.flows.display.progress_bar import watcher

    progress = watcher(json)
    found = run(
        stage(source, arguments=set, methods=method or None, progress=progress, **options.paced(given)), progress.say
    )
    click.echo(dumps(asdict(found)) if json else str(found))
    return 1 if found.failed else 0
