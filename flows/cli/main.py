"""The command line. This file finds the commands, fills in redraft.toml, and turns a user's mistakes into one line."""

import gc
import importlib
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from redraft.flows.cli.config_file import read_config
from redraft.flows.cli.option import value_place, with_place
from redraft.flows.cli.signals import STOPPED, Stopped
from redraft.store.errors import RedraftError

THRESHOLDS = (100_000, 20, 20)  # for gc: with Python's own, a seventh of a command's imports went into collections
HOME = Path(__file__).with_name("commands")
SECTIONS = {"make": "Make trajectories", "use": "Use them", "setup": "Set up"}
"""The folders of `commands`, and what the help calls the commands that are files there."""

MODULES = {
    file.stem.rstrip("_"): f"redraft.flows.cli.commands.{section}.{file.stem}"  # `import` is a word of Python's
    for section in SECTIONS
    for file in sorted((HOME / section).glob("[!_]*.py"))
}


class ReaderGone(Exception):
    """Whoever read standard output has seen enough, as in `redraft export - | head`."""


class Commands(click.Group):
    """A group whose commands are the files in the folders of `redraft.flows.cli.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = MODULES.get(cmd_name)
        return getattr(importlib.import_module(module), module.rpartition(".")[2]) if module else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with a sentence each, by section."""
        width = formatter.width - 6 - max(map(len, MODULES))
        for section, title in SECTIONS.items():
            names = [name for name, module in MODULES.items() if module.split(".")[-2] == section]
            found = [(name, command) for name in names if (command := self.get_command(ctx, name))]
            with formatter.section(title):
                formatter.write_dl([(name, command.get_short_help_str(width)) for name, command in found])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error  # of an OSError click makes exit code 1
        except RedraftError as error:
            raise RedraftError(with_place(ctx, str(error))) from error
        except KeyboardInterrupt as stopped:
            if not isinstance(stopped, Stopped):  # before the work began, or after it
                click.echo("redraft: stopped", err=True)
            ctx.exit(STOPPED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in MODULES and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}; there are {', '.join(MODULES)}")
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="redraft", message="%(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Draft, judge, redraft: language models that solve problems and correct themselves, and the data they leave.

    Every option may also be given as an environment variable (--max-tokens is REDRAFT_MAX_TOKENS) or in redraft.toml
    in the working folder; the command line wins over the environment, the environment over the file.
    """
    given = read_config(lambda: _options(context))
    context.default_map = dict.fromkeys(MODULES, given)


def main(arguments: list[str] | None = None) -> NoReturn:
    """The program `redraft`. Exit codes: 0 done, 1 something failed on the way, 2 a mistake in what was asked for,
    130 stopped with Ctrl-C."""
    gc.set_threshold(*THRESHOLDS)
    code = run(arguments)
    if code == STOPPED:  # a thread that still waits for the store would keep a stopped program alive
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """One command; returns its exit code."""
    try:
        return cli.main(arguments, prog_name="redraft", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "redraft"
        source = value_place(error.ctx, getattr(error, "param", None))
        told = f"{error.format_message().rstrip('.')}{f': it is {source}' if source else ''}"
        return _mistake(f"{told} (`{where} --help` tells more)")
    except click.ClickException as error:
        return _mistake(error.format_message())
    except RedraftError as error:
        return _mistake(str(error))
    except (KeyboardInterrupt, click.Abort):
        return STOPPED
    except ReaderGone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _mistake(text: str) -> int:
    """Says what is wrong, in one line in which no address has a password."""
    from redraft.llm.providers.shared.redaction import redact_addresses

    click.echo(redact_addresses(f"redraft: {' '.join(text.split())}"), err=True)
    return 2


def _options(context: click.Context) -> set[str]:
    """The long names of every option of every command."""
    commands = filter(None, (cli.get_command(context, name) for name in MODULES))
    flags = [flag for command in commands for parameter in command.params for flag in parameter.opts]
    return {flag.removeprefix("--") for flag in flags if flag.startswith("--")} - {"help"}


if __name__ == "__main__":
    main()
