import click


@click.command()
def solve() -> None:
    """To come."""
