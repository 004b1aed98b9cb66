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
    or 'builtin', the word problems that ship with redraft. Without --limit, 'builtin' means 40 problems of its training
    split. 'builtin:levels=1-3,seed=7' selects levels and a seed; 'builtin:split=heldout' names the problems that are
    never part of training data. 'augmented' means the new questions that 'redraft augment' accepted, and
    'augmented:rephrase,fobar' only those of two methods.

    By default, the feedback of the strategy 'correct' names the first step with a low likelihood (--set
    feedback=likelihood). This needs the model's log-probabilities; --set feedback=none and feedback=oracle do not.

    If the budget is used up, the run ends and keeps its results, and the same command continues it.

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
