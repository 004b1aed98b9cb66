import click


@click.command()
def filter() -> None:
    """To come."""
