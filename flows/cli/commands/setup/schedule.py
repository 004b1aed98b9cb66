"""`redraft schedule`: writes the nightly deployments to a file for Prefect."""

from importlib.resources import files
from pathlib import Path

import click

from redraft.flows.cli import options


@click.command()
@click.argument("file", default="prefect.yaml", type=click.Path(path_type=Path))
@options.OVERWRITE
def schedule(file: Path, overwrite: bool) -> None:
    """Write the nightly Prefect deployments to FILE.

    `prefect deploy --all` reads FILE, by default prefect.yaml. `nightly` draws drafts and exports rows at 02:00 UTC.
    `annotate` grades the new steps at 04:00 UTC. Edit the parameters and schedules of both in FILE before you deploy
    them.
    """
    text = files("redraft.flows.deployment").joinpath("prefect.yaml").read_text(encoding="utf-8")
    try:
        with file.open("w" if overwrite else "x") as new:
            new.write(text)
    except FileExistsError:
        raise click.ClickException(f"{file} exists: name another, or replace it with --overwrite") from None
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from None
    click.echo(f"{file} written. Next: prefect deploy --all --prefect-file {file}")
