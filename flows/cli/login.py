"""The name of the person at the command line."""

from getpass import getuser

import click


def login() -> str:
    """Returns the login of the person who runs the command. Raises UsageError if there is none."""
    try:
        return getuser()
    except (OSError, KeyError, ImportError):  # what it raises depends on Python's version
        raise click.UsageError("your login has no name here: say who labels with --by NAME") from None
