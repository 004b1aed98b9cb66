"""`redraft store`: copies a store to a store of another kind, and merges the files of a folder store or a DuckLake."""

import click


@click.group()
def store() -> None:
    """Copy a store, or merge the segments of a folder store or the files of a DuckLake."""


@store.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def copy(source: str, target: str) -> None:
    """Copy the store FROM to a new store TO: a folder if TO ends with a slash, a DuckLake if it begins with ducklake:,
    else a file.

    TO appears only when the copy is complete. Journals are not copied, so finish the runs of FROM first.
    """
    from redraft.store.errors import plural

    copied = _opened(source).copy(target)
    told = ", ".join(f"{count:,} {table}" for table, count in sorted(copied.items())) or "no rows"
    click.echo(f"{target}: {told} ({plural(sum(copied.values()), 'row')})")


@store.command()
@click.argument("path")
def compact(path: str) -> None:
    """Merge small segments of the folder store PATH, or small files of the DuckLake PATH, into large ones.

    Other processes may read and write meanwhile. Files that no reader needs any more are deleted.
    """
    from redraft.store.errors import plural

    store = _opened(path)
    before, after = store.compact()
    click.echo(f"{path}: {plural(before, store.merges)} before, {plural(after, store.merges)} now")


def _opened(path: str):
    from redraft.store.tables.store import Store

    return Store(path, create=False, waiting=lambda text: click.echo(text, err=True))
