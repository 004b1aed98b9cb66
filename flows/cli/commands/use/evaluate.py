"""`redraft evaluate`: compares methods on the same problems."""

from dataclasses import fields
from typing import Any

import click

from redraft.flows.cli import options
from redraft.flows.settings import EVALUATION_SAMPLES, EvaluationSettings, Settings

WIDTH = 100  # the least width of the tables in characters, so that no column is left out


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@options.setting(EvaluationSettings, "strategies", "strategy", multiple=True, spaced=True, metavar="TEXT")
@options.setting(EvaluationSettings, "models", "model", multiple=True, spaced=True)
@options.DB
@options.API_BASE
@options.PROMPTS
@options.PRICES
@options.GRADER
@options.CRITIC
@options.setting(
    Settings,
    "samples",
    help="The number of trajectories per problem if a strategy works in turns, else of drafts to choose among.",
    default=EVALUATION_SAMPLES,
)
@options.setting(EvaluationSettings, "baseline")
@options.option("plot", "Draw accuracy against tokens, calls and seconds to a file (.svg, .png, .pdf).", metavar="FILE")
@options.OVERWRITE
@options.TEMPERATURE
@options.TRUNCATION
@options.MAX_TOKENS
@options.SEED
@options.SANDBOX
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
def evaluate(
    sources: tuple[str, ...],
    strategy: tuple[str, ...],
    model: tuple[str, ...],
    plot: str | None,
    overwrite: bool,
    json: bool,
    **given: Any,
) -> int:
    """Compare strategies and models at equal cost.

    The comparison is made on the same problems, turn by turn. SOURCE is a source of problems, as for `redraft
    generate`, but 'builtin' is the held-out split here. Each source is a task. Problems that an export of this store
    contains are left out. Write a strategy with its settings in one text, as in --strategy "correct feedback=none
    turns=3" --strategy "best_of_n samples=8 grader=likelihood".

    Each strategy runs as `redraft generate` would run it: stored drafts are reused, missing drafts are drawn, and
    failed drafts are tried again. The table compares each strategy with a vote of independent drafts at the same number
    of tokens. If an oracle decided anything, the table also has the accuracy of as many independent guesses. Lines
    below the table name reasons to doubt the comparison.
    """
    from redraft.flows.cli.signals import run
    from redraft.flows.display.progress_bar import watcher
    from redraft.flows.evaluate import evaluate as stage
    from redraft.flows.settings_validation import read

    if plot:
        from redraft.flows.plots.accuracy import check

        check(plot, overwrite=overwrite)
    facts = options.paced(given)
    settings = read(Settings, {one.name: facts.pop(one.name) for one in fields(Settings) if one.name in facts})
    progress = watcher(json)
    found = run(
        stage(
            sources or "builtin",
            strategies=strategy,
            models=model,
            settings=settings,
            progress=progress,
            **facts,
        ),
        progress.say,
    )
    if plot:
        from redraft.flows.plots.accuracy import plot as draw

        draw(found, plot)
    if json:
        click.echo(found.to_json())
    else:
        from rich.console import Console

        from redraft.flows.evaluation.report import show

        show(found, Console(width=max(WIDTH, Console().width)))
    return 1 if found.failed else 0
