"""`redraft view`: shows a store in the browser, or writes it as static pages."""

from pathlib import Path

import click

from redraft.flows.cli import options


@click.command()
@options.DB
@options.option(
    "port", "The port on 127.0.0.1; 0 takes a free port.", type=options.Whole(0, 65535), default=8137, metavar="N"
)
@options.option("by", "The name of the person who labels; by default your login.", metavar="NAME")
@options.option(
    "export", "Write static pages into a new folder instead.", type=click.Path(path_type=Path), metavar="FOLDER"
)
@options.option("problem", "With --export: write this problem.", multiple=True, metavar="PROBLEM_ID")
@options.option("run", "With --export: write the problems of this run.", multiple=True, metavar="RUN_ID")
@options.option("limit", "With --export: write at most N problems.", type=options.Whole(1), default=100, metavar="N")
@options.OVERWRITE
def view(
    db: str, port: int, by: str | None, export: Path | None, problem: tuple[str, ...], run: tuple[str, ...], limit: int,
    overwrite: bool,
) -> None:  # fmt: skip
    """Show a store in the browser, or write it as static pages.

    The pages show runs, problems, drafts, trees, charts and labels. The server answers only this machine, and only with
    the token in the printed URL. It reads the store while runs write, and updates the pages. It writes only your
    labels. Ctrl-C ends it.

    With --export FOLDER, the pages of the newest problems, or of those that you choose, are written as files that open
    without a server.
    """
    from redraft.flows.cli.options import login
    from redraft.flows.cli.signals import run as run_work
    from redraft.flows.viewer.server import check_packages
    from redraft.flows.viewer.server import view as serve
    from redraft.store.errors import plural
    from redraft.store.tables.store import Store

    check_packages()
    if export is None and (problem or run or overwrite):
        raise click.UsageError("--problem, --run and --overwrite choose what --export FOLDER writes: name a folder")
    if export is not None:
        from redraft.flows.viewer.export import write_pages

        store = Store(db, create=False, waiting=lambda text: click.echo(text, err=True))
        pages = write_pages(store, export, problems=problem, runs=run, limit=limit, overwrite=overwrite)
        click.echo(f"{plural(pages, 'page')} in {export}: open {export / 'index.html'}")
        return

    def ready(address: str) -> None:
        click.echo(f"redraft view: {address}")
        click.echo("Open this address on this machine; Ctrl-C ends it.", err=True)

    run_work(serve(db, by=by or login(), port=port, ready=ready))
