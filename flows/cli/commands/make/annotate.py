"""`redraft annotate`: runs a grader over stored drafts."""

from dataclasses import asdict
from json import dumps
from typing import Any

import click

from redraft.flows.cli import options
from redraft.flows.settings import AnnotationSettings


@click.command()
@options.DB
@options.setting(AnnotationSettings, "grader")
@options.SET
@options.setting(AnnotationSettings, "where", metavar="SQL", show_default=False)
@options.several(options.MODEL, options.API_BASE, options.PROMPTS, options.PRICES)
@options.several(
    options.TEMPERATURE, options.TRUNCATION, options.MAX_TOKENS, options.SEED,
    options.setting(AnnotationSettings, "limit"), options.REPLICATE,
)  # fmt: skip
@options.CONCURRENCY
@options.WORKERS
@options.SANDBOX
@options.PACE
@options.BUDGETS
@options.option(
    "plot", "Draw each grader's best of k and its preference for length to a file (.svg, .png, .pdf).", metavar="FILE"
)
@options.OVERWRITE
@options.JSON
def annotate(json: bool, plot: str | None, overwrite: bool, set: dict[str, str], **given: Any) -> int:
    """Grade stored drafts and their steps, and store the grades.

    The view 'grades' has the values, and 'step_quality' summarises them. --set grader.rollouts=16 sets an argument of
    the grader. The model writes the rollouts, and is the judge of the graders prm and orm.

    If you repeat the command, it grades the missing drafts and tries failed drafts again. The exit code is 1 if a call
    failed.
    """
    from redraft.flows.annotate import annotate as stage
    from redraft.flows.cli.signals import run
    from redraft.flows.display.progress_bar import watcher

    if plot:
        from redraft.flows.plots.accuracy import check

        check(plot, overwrite=overwrite)
    progress = watcher(json)
    found = run(stage(arguments=set, progress=progress, **options.paced(given)), progress.say)
    if plot:
        from redraft.flows.plots.reward import plot_rewards
        from redraft.store.tables.store import Store

        plot_rewards(Store(given["db"], create=False), plot)
    click.echo(dumps(asdict(found)) if json else str(found))
    return 1 if found.failed else 0
