"""`redraft label`: a person judges stored drafts."""

from typing import TYPE_CHECKING, Any

import click

from redraft.flows.cli import options

if TYPE_CHECKING:
    from redraft.flows.label import Labelled


@click.command()
@options.DB
@options.option("by", "The name of the person who labels; by default your login.", metavar="NAME")
@options.option("limit", "Show at most N drafts.", type=options.Whole(1), metavar="N")
@options.option(
    "where", "An SQL condition that chooses drafts, such as 'turn = 1 AND level > 2'.", default="true", metavar="SQL",
    show_default=False,
)  # fmt: skip
@options.option("seed", "The random seed of the order of drafts.", type=int, default=0, metavar="N")
@options.option("again", "Also show drafts that you have labelled; your last label counts.", is_flag=True)
@options.option("show-key", "Show the known answer and other grades; the label records this.", is_flag=True)
@options.option("from", "Read labels from a file of JSON lines instead of asking.", metavar="FILE")
@options.JSON
def label(json: bool, by: str | None, **given: Any) -> None:
    """Show stored drafts to a person, and store the person's labels.

    A label is right, wrong or skip, and optionally the first wrong step and a remark. The view 'labels' has the labels;
    'grades' has them as grades by 'human', and 'label_agreement' compares them with other graders. Every label is
    stored at once. q or Ctrl-C quits; the same command continues later.
    """
    from redraft.agents.human_label import Terminal
    from redraft.flows.cli.options import login
    from redraft.flows.cli.signals import run
    from redraft.flows.label import label as stage
    from redraft.flows.label import label_from

    file, person = given.pop("from"), by or login()
    if file is not None:
        found = run(label_from(file, by=person, db=given["db"]))
    elif Terminal.there():
        try:
            found = run(stage(Terminal().ask, by=person, **given))
        except KeyboardInterrupt:
            click.echo(f"\nredraft: stopped; every label so far is kept in {given['db']}", err=True)
            raise
    else:
        raise click.UsageError("nobody can be asked, since standard input is no terminal: give labels with --from FILE")
    click.echo(_outcome(found, json))


def _outcome(found: "Labelled", json: bool) -> str:
    if json:
        from dataclasses import asdict
        from json import dumps

        return dumps(asdict(found))
    left = f", {found.left:,} left" if found.left else ""
    return f"{found.labels:,} labelled by {found.person}, {found.skipped:,} skipped{left}: kept in {found.db}"
