#!/usr/bin/env bash
# click 8.5.1: `command.main(..., standalone_mode=False)` turns a BrokenPipeError of the command into sys.exit(1).
#
# What surprises: with `standalone_mode=False`, says the documentation of `main`, exceptions are propagated to the
#   caller. An OSError whose errno is EPIPE is not: `main` catches it in either mode. It wraps sys.stdout and sys.stderr
#   in objects that keep quiet when a flush finds the pipe closed, leaves them there, and raises SystemExit(1) with no
#   message and no cause. `except BrokenPipeError` and `except Exception` around the call see nothing. Which pipe broke
#   does not matter: a command that writes to a peer that has hung up is treated like one whose output goes to `head`.
# Whom it hurts: programs that call click commands as functions, to handle errors themselves. They end without a word,
#   with exit code 1, where they meant to try again, or to leave with an exit code of their own.
# What to do instead: make the context and invoke the command, `with command.make_context(name, args) as context:
#   command.invoke(context)`. The exception comes through, and so does the click.exceptions.Exit that `--help` raises.
#   Or catch SystemExit around `main` as well, and put sys.stdout and sys.stderr back.
#
# Prints what the caller catches, while standard output goes to `head`. Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/caller.py" <<'PYTHON'
import os
import socket
import sys

import click


@click.command()
def count() -> None:
    """Print more than a pipe holds."""
    for number in range(100_000):
        click.echo(number)


@click.command()
def talk() -> None:
    """Write to a peer that has hung up; nothing is printed."""
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        ours.sendall(b"hello")


@click.command()
def reset() -> None:
    raise ConnectionResetError("another OSError")


def main(command: click.Command) -> None:
    command.main([], standalone_mode=False)


def invoke(command: click.Command) -> None:
    with command.make_context(command.name, []) as context:
        command.invoke(context)


for call, command in ((main, count), (main, talk), (main, reset), (invoke, count), (invoke, talk)):
    stdout, stderr = sys.stdout, sys.stderr
    try:
        call(command)
    except Exception as error:
        caught = f"except Exception: {type(error).__name__}"
    except SystemExit as error:
        caught = f"except SystemExit: code {error.code}, context {error.__context__}"
    replaced = "replaced" if sys.stdout is not stdout else "as before"
    sys.stdout, sys.stderr = stdout, stderr
    print(f"{call.__name__} {command.name}: {caught}; sys.stdout {replaced}", file=sys.stderr)
os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what Python flushes at exit has nowhere else to go
PYTHON
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "click==8.5.1"
"$folder/venv/bin/python" "$folder/caller.py" 2> "$folder/seen" | head -c 10 > "$folder/head" ||
    { cat "$folder/seen"; exit 1; }
echo "click 8.5.1"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
main count: except SystemExit: code 1, context None; sys.stdout replaced
main talk: except SystemExit: code 1, context None; sys.stdout replaced
main reset: except Exception: ConnectionResetError; sys.stdout as before
invoke count: except Exception: BrokenPipeError; sys.stdout as before
invoke talk: except Exception: BrokenPipeError; sys.stdout as before
SEEN
