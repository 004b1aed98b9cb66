"""Runs a program, such as a user's own trainer or server, and ends it together with all its child processes."""

import asyncio
import os
import shlex
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from redraft.store.errors import PartError, alternatives

Program = asyncio.subprocess.Process

LAST = 5  # the number of output lines that an error repeats
TERMINATION_S = 5.0  # seconds between SIGTERM and SIGKILL


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code, or the negative number of a signal, and its last output lines."""

    code: int
    last: tuple[str, ...]

    def __str__(self) -> str:
        """Returns the exit code and the last lines, such as "exit code 3: out of memory"."""
        how = f"signal {-self.code}" if self.code < 0 else f"exit code {self.code}"
        return f"{how}: {' / '.join(self.last)[:500]}" if self.last else how


async def run_program(
    words: Sequence[str],
    say: Callable[[str], None],
    *,
    lock: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Runs a program until it ends, and returns how it ended. `say` receives its output lines. If the call is
    cancelled, the program and its child processes are ended. Raises OSError if the program cannot be started."""
    program = await start_program(words, lock=lock, environment=environment)
    last: deque[str] = deque(maxlen=LAST)
    try:
        async for line in lines(program):
            last.append(line)
            say(line)
        return Ended(await program.wait(), tuple(last))
    except BaseException:
        await end_program(program)
        raise


async def start_program(
    words: Sequence[str],
    *,
    lock: int | None = None,
    environment: Mapping[str, str] | None = None,
    piped: bool = False,
) -> Program:
    """Starts a program in its own process group. It inherits the file descriptor `lock`. `environment` has variables
    that are added to those of this process. Its standard input is empty; if `piped`, it is a pipe that is closed when
    this process ends. Raises OSError."""
    return await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE if piped else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        limit=2**20,
        pass_fds=() if lock is None else (lock,),
        env=None if environment is None else {**os.environ, **environment},
    )


async def lines(program: Program) -> AsyncIterator[str]:
    """Yields the non-empty output lines of a program."""
    assert program.stdout
    async for line in program.stdout:
        if text := line.decode("utf-8", "replace").strip():
            yield text


async def end_program(program: Program) -> None:
    """Ends a program and all its child processes."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        _send(program, number)
        with suppress(TimeoutError):
            await asyncio.wait_for(program.wait(), TERMINATION_S)
            break
    _send(program, signal.SIGKILL)  # child processes may outlive the program


def _send(program: Program, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, number)


def command_words(command: str, owner: str, places: Sequence[str]) -> list[str]:
    """Returns the words of a command line. Only the placeholders in `places`, such as {rows}, are allowed. Raises
    PartError, which names the owner of the command."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise PartError(f"command {command!r} of {owner} cannot be read: {error}") from error
    if not words:
        named = ", ".join(f"{{{place}}}" for place in places)
        raise PartError(f"command of {owner} is empty: write a program with {named}")
    for word in words:
        fill(word, dict.fromkeys(places, ""))
    return words


def fill(text: str, values: Mapping[str, object]) -> str:
    """Returns a text with its placeholders replaced by the values. Raises PartError for an unknown placeholder."""
    try:
        return text.format(**values)
    except (KeyError, IndexError, ValueError) as error:
        name = str(error).strip("'")
        raise PartError(f"{{{name}}} in {text!r} is no place; {alternatives(name, values)}") from error
