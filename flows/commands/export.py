import click


@click.command()
def export() -> None:
    """To come."""
