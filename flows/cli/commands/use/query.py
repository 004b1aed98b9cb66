"""`redraft query`: runs an SQL query on the store."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from redraft.flows.cli import options

if TYPE_CHECKING:
    from redraft.store.tables.query import Table

Result = TypeVar("Result")


@click.command()
@click.argument("sql")
@options.DB
@options.option("csv", "Print CSV.", is_flag=True)
@options.JSON
@options.option("parquet", "Write a Parquet file instead.", type=click.Path(path_type=Path), metavar="FILE")
@options.OVERWRITE
def query(sql: str, db: str, csv: bool, json: bool, parquet: Path | None, overwrite: bool) -> None:
    """Run an SQL query on the store, as in 'FROM runs'. A query can only read.

    Tables: problems, runs, steps, trajectories, turns, grades, calls, datasets, dataset_rows.
    Views: pass_at_k, best_of_n, corrections, costs, labels, prompts ... (docs/sql.md).
    """
    from redraft.store.errors import plural
    from redraft.store.exports.export_file import new_path
    from redraft.store.tables.store import Store

    if csv + json + (parquet is not None) > 1:
        raise click.UsageError("use one of --csv, --json and --parquet, not several")
    store = Store(db, create=False, waiting=lambda text: click.echo(text, err=True))
    if parquet is not None:
        try:
            rows = _stoppable(lambda: store.export_parquet(sql, parquet, overwrite=overwrite))
        except click.Abort:  # the program ends without waiting for the thread
            new_path(parquet).unlink(missing_ok=True)
            raise
        click.echo(f"{plural(rows, 'row')} in {parquet}")
        return
    found = _stoppable(lambda: store.query(sql))
    if csv:
        found.write_csv(sys.stdout)
    elif json:
        click.echo(found.to_json())
    else:
        _print(found)


def _stoppable(action: Callable[[], Result]) -> Result:
    """Runs the action in a thread and returns its result. DuckDB may ignore an interrupt for a long time, so after
    Ctrl-C the program ends without waiting for the thread. This is safe, because a query only reads."""
    try:
        return ThreadPoolExecutor(1).submit(action).result()
    except KeyboardInterrupt:
        echoed = "\n" if sys.stderr.isatty() else ""  # the terminal has printed ^C on this line
        click.echo(f"{echoed}redraft: stopped", err=True)
        raise click.Abort from None


def _print(found: "Table") -> None:
    from rich.console import Console

    from redraft.flows.display.sql_table import table

    console = Console()
    console.print(table(found, console.width))
