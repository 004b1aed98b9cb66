"""`redraft self-train`: rounds of drafts, rows and training."""

from typing import Any

import click

from redraft.flows.cli import options
from redraft.flows.settings import SelfTrainSettings

METHOD = options.setting(SelfTrainSettings, "method", more=options.method_names)
TRAINER = options.setting(SelfTrainSettings, "trainer", parts="model trainer")
SERVER = options.setting(SelfTrainSettings, "server", parts="server")
OUT = options.setting(SelfTrainSettings, "out", metavar="FOLDER")
HELDOUT = options.setting(SelfTrainSettings, "heldout", metavar="SOURCE")


def own(*names: str) -> options.Decorator:
    """Returns the named options that only this command has."""
    return options.several(*(options.setting(SelfTrainSettings, name) for name in names))


@click.command(name="self-train")
@click.argument("source", default="builtin")
@options.DB
@options.several(METHOD, own("rounds"), TRAINER, SERVER, OUT)
@options.several(options.MODEL, options.API_BASE, options.PROMPTS, options.PRICES, options.SET)
@options.several(own("samples", "temperature"), options.TRUNCATION, options.MAX_TOKENS, options.SEED, options.REPLICATE)
@options.several(options.LIMIT, HELDOUT, own("heldout_limit", "heldout_samples", "all_rounds", "stop_on_alarm"))
@options.CONCURRENCY
@options.SANDBOX
@options.PACE
@options.BUDGETS
@options.QUESTION_COLUMN
@options.ANSWER_COLUMN
@options.SKIP_BAD
@options.option("plot", "Draw accuracy and diversity by round to a file (.svg, .png, .pdf).", metavar="FILE")
@options.JSON
def self_train(source: str, plot: str | None, json: bool, set: dict[str, str], **given: Any) -> None:
    """Train a model on its own judged drafts, in rounds.

    SOURCE is the same as in 'redraft generate'. A round draws drafts, makes training rows from them, trains, and
    measures the trained model on held-out problems.

    --set trainer.epochs=2 sets an argument of the trainer. --set policy.start=base or --set policy.filters='correct,
    cap most=4' overrides a setting of the method. Other names are arguments of the method's strategy. The embedded
    trainer needs redraft[train]. --trainer command runs your own program: --set 'trainer.command=python train.py {rows}
    {base} {out}'.

    If you repeat the command, it continues where it stopped, also after a kill; with a larger --rounds it continues
    after the last round. The views 'rounds' and 'models' have all figures, 'collapse' and 'alarms' the signs of
    collapse. --plot replaces its file.
    """
    from redraft.flows.cli.signals import run
    from redraft.flows.display.progress_bar import watcher
    from redraft.flows.self_train import self_train as stage

    if plot:
        from redraft.flows.plots.accuracy import check

        check(plot, overwrite=True)
    progress = watcher(json)
    found = run(stage(source, arguments=set, progress=progress, **options.paced(given)), progress.say)
    if plot:
        from redraft.flows.plots.rounds import plot_rounds
        from redraft.store.tables.store import Store

        with Store(found.db, create=False) as store:
            plot_rounds(store, found.loop_id, plot)
    click.echo(found.to_json() if json else str(found))
