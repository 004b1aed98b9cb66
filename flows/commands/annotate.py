"""`redraft annotate`: graders over stored drafts."""

from typing import TYPE_CHECKING, Any

import click

from redraft.flows import options

if TYPE_CHECKING:
    from redraft.flows.annotate import Annotated


@click.command()
@options.DB
@options.option(
    "grader",
    "Who judges: rollout, omegaprm, prm, orm, judge, likelihood, or your own as path.py:function.",
    default="rollout",
    metavar="NAME",
)
@options.SET
@options.option(
    "where", "An SQL condition on the drafts, as in 'turn = 1 AND level > 2'.", default="true", metavar="SQL",
    show_default=False,
)  # fmt: skip
@options.several(options.MODEL, options.API_BASE, options.PROMPTS, options.PRICES)
@options.several(options.TEMPERATURE, options.MAX_TOKENS, options.SEED, options.LIMIT, options.REPLICATE)
@options.CONCURRENCY
@options.PACE
@options.BUDGETS
@options.option("plot", "Draw what graders favour: their best of k, length (.svg, .png, .pdf).", metavar="FILE")
@options.OVERWRITE
@options.JSON
def annotate(json: bool, plot: str | None, overwrite: bool, set: dict[str, str], **given: Any) -> int:
    """Grade stored drafts and their steps, as by rollouts, and keep the grades beside them.

    Values are in the view 'grades'; 'step_quality' sums them up. The grader's arguments are set as
    --set grader.rollouts=16; the model writes its rollouts, and is the judge of prm and orm.

    Repeated, the same command finishes what is missing and tries again what failed. Exit code 1 says that something
    failed on the way.
    """
    from redraft.flows.annotate import annotate as stage
    from redraft.flows.interrupt import run

    def say(text: str) -> None:
        click.echo(f"redraft: {text}", err=True)

    if plot:
        from redraft.flows.plot import check

        check(plot, overwrite=overwrite)
    found = run(stage(arguments=set, say=say, **options.paced(given)))
    if plot:
        from redraft.flows.plot_rewards import plot_rewards
        from redraft.store.store import Store

        plot_rewards(Store(given["db"], create=False), plot)
    click.echo(_outcome(found, json))
    return 1 if found.failed else 0


def _outcome(found: "Annotated", json: bool) -> str:
    if json:
        from dataclasses import asdict
        from json import dumps

        return dumps(asdict(found))
    lost = ", ".join(f"{count:,} {reason}" for reason, count in found.lost.items())
    return (
        f"{found.drafts:,} drafts judged by {found.grader}, {found.values:,} with a value, {found.steps:,} steps"
        f"{f', {found.rollouts:,} rollouts' if found.rollouts else ''}{f' (without a value: {lost})' if lost else ''};"
        f" {found.known:,} were known: kept in {found.db}{f'; stopped: {found.spent}' if found.spent else ''}"
    )
