"""`redraft import`: stores labelled solutions that other tools or people made."""

from typing import Any

import click

from redraft.flows.cli import options


@click.command("import")
@click.argument("file")
@options.option(
    "format",
    "The reader of the file's format: a name, or your own as path.py:function; chats are your own logs with labels.",
    parts="reader",
    required=True,
    metavar="NAME",
)
@options.DB
@options.option("source", "The source name of the problems; by default the format.", metavar="NAME")
@options.option("split", "The split of the problems; by default a split in the name of FILE.", metavar="NAME")
@options.option(
    "neutral", "The label of a neutral step.", type=click.Choice(["positive", "negative"]), default="positive"
)
@options.option(
    "separator", "The separator between steps, in chats; by default a blank line.", default="\n\n", metavar="TEXT",
    show_default=False,
)  # fmt: skip
@options.option("limit", "Use only the first N rows.", type=options.Whole(1), metavar="N")
@options.SKIP_BAD
@options.JSON
def import_(json: bool, **given: Any) -> None:
    """Import labelled solutions as trajectories and grades.

    FILE is .jsonl, .json, .csv, .tsv, .parquet or .eval, or a dataset of the Hugging Face Hub ('hf:owner/name:split').
    The labels become rows of the view 'grades'. The column 'grader' says who gave them: 'human' for PRM800K,
    ProcessBench and chats, 'rollout' for Math-Shepherd, 'math_verify' and 'judge' for OpenR1-Math. A row that is
    imported several times is stored once.
    """
    from redraft.flows.cli.signals import run
    from redraft.flows.importing import importing as stage
    from redraft.store.errors import plural

    found = run(stage(**given, say=lambda text: click.echo(f"redraft: {text}", err=True)))
    if json:
        from dataclasses import asdict
        from json import dumps

        click.echo(dumps(asdict(found)))
        return
    dropped = ", ".join(f"{count:,} {why}" for why, count in found.dropped.items())
    counts = ((found.rows, "row"), (found.trajectories, "trajectory"), (found.steps, "rated step"))
    told = ", ".join(plural(count, noun) for count, noun in counts)
    known = f" ({found.kept - found.known:,} new, {found.known:,} there before)" if found.known else ""
    click.echo(f"{told}{f' (left out: {dropped})' if dropped else ''}: kept in {found.db}{known}")
    for note in found.notes():
        click.echo(note)
