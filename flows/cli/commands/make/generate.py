"""`redraft generate`: the main job."""

from typing import Any

import click

from redraft.flows.cli import options


@click.command()
@click.argument("source", default="builtin")
@options.DB
@options.solver(options.SAMPLES)
@options.LIMIT
@options.REPLICATE
@options.CONCURRENCY
@options.PACE
@options.BATCH
@options.BUDGETS
@options.QUESTION_COLUMN
@options.ANSWER_COLUMN
@options.SKIP_BAD
@options.JSON
def generate(source: str, json: bool, set: dict[str, str], **given: Any) -> int:
    """Solve problems and keep every draft, judged.

    SOURCE is a file (.jsonl, .json, .csv, .parquet), a data set of the Hugging Face Hub ('hf:owner/name:split'), or
    'builtin', the word problems that ship with redraft: 40 of their training split without --limit
    ('builtin:levels=1-3,seed=7' chooses; 'builtin:split=heldout' are those that no dataset takes).

    The strategy correct tells the model which step it was least sure of (--set feedback=likelihood, the default), which
    needs its log-probabilities; --set feedback=none or feedback=oracle does not.

    A run whose budget is used up ends in order: what it has is kept, and the same command goes on.

    Repeated, the same command finishes what is missing and tries again what failed. Exit code 1 says that something
    failed on the way.
    """
    from redraft.flows.cli.signals import run
    from redraft.flows.display.progress_bar import watcher
    from redraft.flows.generate import generate as stage

    progress = watcher(json, bar=set.get("feedback") != "human")  # a bar would be drawn over what a person types
    summary = run(stage(source, arguments=set, progress=progress, **options.paced(given)), progress.say)
    if json:
        click.echo(summary.to_json())
    else:
        from rich.console import Console

        from redraft.flows.summary.report import show

        show(summary, Console())
    return 1 if summary.failed else 0
