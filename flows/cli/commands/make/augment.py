"""`redraft augment`: makes new questions from old ones."""

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
@options.WORKERS
@options.SANDBOX
@options.PACE
@options.BUDGETS
@options.QUESTION_COLUMN
@options.ANSWER_COLUMN
@options.SKIP_BAD
@options.JSON
def augment(source: str, json: bool, set: dict[str, str], method: tuple[str, ...], **given: Any) -> int:
    """Make new questions from old ones, test each, and store them.

    SOURCE is the same as in 'redraft generate'. A new question is tested by sampled answers: one must equal the known
    answer or, if no answer is known, the samples must agree. Without --method, all methods are used that the model
    supports. --set rephrase.rewrites=2 sets an argument of a method; a name without a method sets an argument of the
    strategy that answers.

    The table 'problems' has the accepted questions. The view 'rewrites' has all questions, and the reasons of refusals.
    If you repeat the command, it makes the missing questions and tries failed problems again. The exit code is 1 if
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
