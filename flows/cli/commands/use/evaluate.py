"""`redraft evaluate`: methods compared on the same problems."""

from dataclasses import fields
from typing import Any

import click

from redraft.flows.cli import options
from redraft.flows.settings import EVALUATION_SAMPLES, EvaluationSettings, Settings

WIDTH = 100  # the least width of the tables, even on a narrower terminal, so that no column is left out


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
    help="Trajectories of each problem, by strategies that work in turns; drafts that other strategies choose among.",
    default=EVALUATION_SAMPLES,
)
@options.setting(EvaluationSettings, "baseline")
@options.option("plot", "Draw accuracy against tokens, calls and seconds (.svg, .png, .pdf).", metavar="FILE")
@options.OVERWRITE
@options.TEMPERATURE
@options.TRUNCATION
@options.MAX_TOKENS
@options.SEED
@options.SANDBOX
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
def evaluate(
    sources: tuple[str, ...],
    strategy: tuple[str, ...],
    model: tuple[str, ...],
    plot: str | None,
    overwrite: bool,
    json: bool,
    **given: Any,
) -> int:
    """Compare strategies and models on the same problems, turn by turn and at equal cost.

    SOURCE is what `redraft generate` takes, but 'builtin' is its held-out split here; several are several tasks.
    Problems that an export of this store has taken for training are left out. A strategy carries its settings, as in
    --strategy "correct feedback=none turns=3" --strategy "best_of_n samples=8 grader=likelihood".

    Each is a job of `redraft generate`: what the store has is not asked again, what is missing is, and what failed is
    tried again. Beside each stands a vote of as many independent drafts as the same tokens pay for, beside what an
    oracle decided an oracle that stops at a right guess, and below them what the comparison lacks to be believed.
    """
    from redraft.flows.cli.signals import run
    from redraft.flows.display.progress_bar import watcher
    from redraft.flows.evaluate import evaluate as stage
    from redraft.flows.settings_input import read

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
