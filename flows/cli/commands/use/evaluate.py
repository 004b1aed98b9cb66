"""`redraft evaluate`: methods compared on the same problems."""

from dataclasses import fields
from typing import Any

import click

from redraft.flows.cli import options
from redraft.flows.cli.part_option import SeveralParts
from redraft.flows.cli.repeatable_option import Several

MODELS = options.option(
    "model",
    "Which language model, as for `generate`. May be repeated.",
    cls=Several,
    multiple=True,
    default=("embedded",),
    metavar="NAME",
)
STRATEGIES = options.option(
    "strategy",
    'A strategy with its settings, as in --strategy "correct feedback=none turns=3": {names}. May be repeated.',
    **options.part("strategy") | {"cls": SeveralParts},
    multiple=True,
    default=("correct",),
    metavar="TEXT",
)
WIDTH = 100  # of the tables, whatever the terminal has: a column that is left out cannot be read


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@STRATEGIES
@MODELS
@options.DB
@options.API_BASE
@options.PROMPTS
@options.PRICES
@options.GRADER
@options.CRITIC
@options.option(
    "samples",
    "Trajectories a problem of strategies that work in turns, each measured; drafts that the others choose among.",
    type=click.IntRange(1),
    default=4,
    metavar="N",
)
@options.option(
    "baseline",
    "The most sampled drafts a problem for self-consistency at equal tokens; 0 leaves it out.",
    type=click.IntRange(0),
    default=64,
    metavar="N",
)
@options.option("plot", "Draw accuracy against tokens, calls and seconds (.svg, .png, .pdf).", metavar="FILE")
@options.OVERWRITE
@options.TEMPERATURE
@options.TRUNCATION
@options.MAX_TOKENS
@options.SEED
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
    from redraft.flows.settings import Settings

    if plot:
        from redraft.flows.plots.accuracy import check

        check(plot, overwrite=overwrite)
    facts = options.paced(given)
    settings = Settings(**{field.name: facts.pop(field.name) for field in fields(Settings) if field.name in facts})
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
