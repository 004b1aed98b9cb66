"""`redraft tree`: prints everything that was explored for one question."""

import click

from redraft.flows.cli import options


@click.command()
@click.argument("name", required=False)
@options.DB
@options.option("dot", "Print Graphviz's dot, as in `redraft tree --dot | dot -Tsvg -o tree.svg`.", is_flag=True)
@options.JSON
def tree(name: str | None, db: str, dot: bool, json: bool) -> None:
    """Print a stored tree of a search or a correction.

    For a search, each step is printed with its value, its visits and the trajectories that end there. For a correction,
    each turn is printed with its steps and its answer, and the feedback between turns.

    NAME is the id of a unit of work, a trajectory or a problem. Without NAME, the newest tree is printed.
    """
    from redraft.flows.display.tree import as_dot, as_text
    from redraft.flows.display.tree_reader import read_tree
    from redraft.store.tables.store import Store

    if dot and json:
        raise click.UsageError("use one of --dot and --json, not both")
    found = read_tree(Store(db, create=False, waiting=lambda text: click.echo(text, err=True)), name)
    if json:
        from dataclasses import asdict

        from redraft.store.json_records import strict

        click.echo(strict(asdict(found)))
        return
    for line in as_dot(found) if dot else as_text(found):
        click.echo(line)
