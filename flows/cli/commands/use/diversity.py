"""`redraft diversity`: measures how far new questions are from the questions that they were made from."""

from dataclasses import asdict
from json import dumps
from typing import Any

import click

from redraft.flows.cli import options
from redraft.flows.settings import DiversitySettings


@click.command()
@options.DB
@options.setting(DiversitySettings, "embedder")
@options.API_BASE
@options.setting(DiversitySettings, "least_gain")
@options.setting(DiversitySettings, "least_acceptance")
@options.setting(DiversitySettings, "plot", metavar="FILE")
@options.setting(DiversitySettings, "projection")
@options.OVERWRITE
@options.JSON
def diversity(json: bool, **given: Any) -> None:
    """Measure how far new questions are from their originals.

    The diversity gain of a kind of rewrite is the mean squared distance between an accepted question and the nearest
    original question, in embeddings of length 1. The view 'question_diversity' has the result.

    A kind below --least-gain or --least-acceptance is refused: the source 'augmented' and the filter 'diversity' leave
    it out. Embeddings by a provider are stored, so no embedding is paid for twice.
    """
    from redraft.flows.cli.signals import run
    from redraft.flows.display.progress_bar import watcher
    from redraft.flows.embedding.diversity import diversity as stage

    progress = watcher(json)
    found = run(stage(progress=progress, **given), progress.say)
    click.echo(dumps(asdict(found)) if json else str(found))
