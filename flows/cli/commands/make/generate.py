"""`redraft generate`: solves problems and stores judged drafts."""

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
@options.WORKERS
@options.PACE
@options.BATCH
@options.BUDGETS
@options.QUESTION_COLUMN
@options.ANSWER_COLUMN
@options.SKIP_BAD
@options.JSON
def generate(source: str, json: bool, set: dict[str, str], **given: Any) -> int:
    """Solve problems, and judge and store every draft.

    SOURCE is a file (.jsonl, .json, .csv, .tsv, .parquet), a dataset of the Hugging Face Hub ('hf:owner/name:split'),
    or 'builtin'. 'builtin' has word problems that redraft makes; without --limit, 40 problems of its training split are
    used. 'builtin:levels=1-3,seed=7' chooses among them. 'builtin:split=heldout' has problems that never reach training
    data. 'augmented' has the new questions that 'redraft augment' accepted, and 'augmented:rephrase,fobar' those that
    the named methods made.

    By default, the strategy correct tells the model its first step of low log-probability (--set feedback=likelihood).
    This needs a model that returns log-probabilities; --set feedback=none and feedback=oracle do not.

    If the budget is used up, the run ends, its results are stored, and the same command continues it.

    If you repeat the command, it draws the missing drafts and tries failed drafts again. The exit code is 1 if a draft
    failed.
    """
    from redraft.flows.cli.signals import run
    from redraft.flows.display.progress_bar import watcher
    from redraft.flows.generate import generate as stage

    progress = watcher(json, bar=set.get("feedback") != "human")  # a progress bar would overwrite what a person types
    summary = run(stage(source, arguments=set, progress=progress, **options.paced(given)), progress.say)
    if json:
        click.echo(summary.to_json())
    else:
        from rich.console import Console

        from redraft.flows.summary.report import show

        show(summary, Console())
    return 1 if summary.failed else 0
