"""The command line: finds the commands, reads redraft.toml, and prints a user's mistake as one line."""

import gc
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from traceback import walk_tb
from typing import Any, NoReturn

import click

from redraft.flows.cli.config_file import read_config
from redraft.flows.cli.errors import one_line, refuse_broken_text
from redraft.flows.cli.option import value_place, with_place, without_others
from redraft.flows.cli.signals import STOPPED, Stopped
from redraft.store.errors import RedraftError, alternatives

THRESHOLDS = (100_000, 20, 20)  # for `gc`: Python's defaults take a seventh of the time of imports
HOME = Path(__file__).with_name("commands")
SECTIONS = {"make": "Make trajectories", "use": "Use trajectories", "setup": "Set up"}
"""The folders of `commands`, with the heading of each folder in the help."""

MODULES = {
    file.stem.rstrip("_").replace(
        "_", "-"
    ): f"redraft.flows.cli.commands.{section}.{file.stem}"  # import_.py, because `import` is a keyword
    for section in SECTIONS
    for file in sorted((HOME / section).glob("[!_]*.py"))
}


PROVIDERS_FAULT = ("busy", "fault")
"""The causes of a ModelError that no user can repair (see `llm.model.Cause`, which is slow to import)."""


WRITERS = ("click.", "rich.", "redraft.flows.cli.", "redraft.store.tables.query")
"""The prefixes of the names of modules that write to standard output."""


class ReaderGone(Exception):
    """The process that reads standard output has ended, such as `head` in `redraft export - | head`."""


class Commands(click.Group):
    """A click group whose commands are the files in the folders of `redraft.flows.cli.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = MODULES.get(cmd_name)
        return getattr(importlib.import_module(module), module.rpartition(".")[2]) if module else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes each section's commands to the help, with one sentence for each command."""
        width = formatter.width - 6 - max(map(len, MODULES))
        for section, title in SECTIONS.items():
            names = [name for name, module in MODULES.items() if module.split(".")[-2] == section]
            found = [(name, command) for name in names if (command := self.get_command(ctx, name))]
            with formatter.section(title):
                formatter.write_dl([(name, command.get_short_help_str(width)) for name, command in found])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()  # a write error is raised here, not at exit
            return code
        except BrokenPipeError as error:
            raise ReaderGone from error  # click would turn an OSError into exit code 1
        except OSError as error:
            raise RedraftError(_file_error(error)) from error
        except RedraftError as error:
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            raise RedraftError(with_place(ctx, without_others(str(error), command))) from error
        except KeyboardInterrupt as stopped:
            if not isinstance(stopped, Stopped):  # the signal came before or after the command's work
                click.echo("redraft: stopped", err=True)
            ctx.exit(STOPPED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in MODULES and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}; {alternatives(args[0], MODULES)}")
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="redraft", message="%(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Draft, judge, redraft: let language models solve problems and correct themselves, and train on the results.

    Every option may also be set by an environment variable (REDRAFT_MAX_TOKENS for --max-tokens) or in redraft.toml in
    the working folder. The command line overrides the environment, and the environment overrides the file.
    """
    given = read_config(lambda: _options(context))
    context.default_map = dict.fromkeys(MODULES, given)
    context.ensure_object(list).extend(_texts(given))


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the program `redraft`. Its exit code is 0 on success, 1 if something failed, 2 for a mistake of the user,
    and 130 after Ctrl-C."""
    gc.set_threshold(*THRESHOLDS)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # characters that the terminal lacks are escaped
            stream.reconfigure(errors="backslashreplace")
    code = run(arguments)
    if code == STOPPED:  # a thread may still wait for the store
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    given = [*arguments, *(value for name, value in os.environ.items() if name.startswith("REDRAFT_"))]
    try:
        refuse_broken_text(arguments, os.environ)
        return cli.main(arguments, prog_name="redraft", standalone_mode=False, obj=given) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.UsageError as error:
        return _mistake(_usage(error), given)
    except click.ClickException as error:
        return _mistake(error.format_message(), given)
    except RedraftError as error:
        code = _mistake(str(error), given)
        # `invoke` appends the place of a setting to the message, and raises a new error from the first one.
        causes = [getattr(each, "cause", None) for each in (error, error.__cause__)]
        return 1 if any(cause in PROVIDERS_FAULT for cause in causes) else code
    except OSError as error:  # the help could not be written
        return _mistake(_file_error(error), given)
    except KeyboardInterrupt:  # Ctrl-C before a command began
        click.echo("redraft: stopped", err=True)
        return STOPPED
    except click.Abort:
        return STOPPED
    except (ReaderGone, SystemExit) as error:  # rich exits if its reader has closed the pipe
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        _drop_output()
        return 0


def _drop_output() -> None:
    """Redirects standard output to /dev/null, since Python tries again at its end to write buffered output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _file_error(error: OSError) -> str:
    """Returns the message of an OSError. If a write failed, the error names no file; if it was raised in a module of
    WRITERS, the file is standard output."""
    words = error.strerror or str(error)
    if error.filename:
        return f"{error.filename}: {words}: name another file"
    *_, (frame, _) = walk_tb(error.__traceback__)
    if frame.f_globals.get("__name__", "").startswith(WRITERS):
        _drop_output()
        return f"standard output: {words}: send it elsewhere; what was stored is safe"
    return words


def _usage(error: click.UsageError) -> str:
    """Returns the message of a usage error, with the place of a wrong value and a hint to `--help`."""
    where = error.ctx.command_path if error.ctx else "redraft"
    place = value_place(error.ctx, getattr(error, "param", None))
    text = error.format_message().rstrip(".")
    if place and place.split()[0] not in text:
        text += f": it is {place}"
    if isinstance(error, click.NoSuchOption) and not error.option_name.startswith("--"):
        text += f": write a text that begins with a dash after --, as in `{where} ... -- -3`"
    return f"{text} (`{where} --help` tells more)"


def _mistake(text: str, given: Sequence[str]) -> int:
    """Prints an error in one line, with passwords in URLs masked, and returns the exit code 2. `given` has the texts
    that the user gave; long ones are shortened in the line."""
    from redraft.llm.providers.shared.redaction import redact_addresses

    click.echo(redact_addresses(f"redraft: {one_line(text, given)}"), err=True)
    return 2


def _texts(given: Mapping[str, Any]) -> list[str]:
    """Returns all values in redraft.toml as strings."""
    return [text for value in given.values() for text in (value if isinstance(value, list) else [value])]


def _options(context: click.Context) -> set[str]:
    """Returns the long names of all options of all commands."""
    commands = filter(None, (cli.get_command(context, name) for name in MODULES))
    flags = [flag for command in commands for parameter in command.params for flag in parameter.opts]
    return {flag.removeprefix("--") for flag in flags if flag.startswith("--")} - {"help"}


if __name__ == "__main__":
    main()
