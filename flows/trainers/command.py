"""Trains with the user's own program, such as axolotl, LLaMA-Factory, verl, or a script that submits to a cluster."""

import asyncio
import os
import shlex
import signal
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from redraft.flows.trainers.trainer import Trained, Trainer, TrainingError, TrainingTask
from redraft.store.errors import PartError, alternatives

PLACES = ("rows", "base", "out", "loss", "seed")
LAST = 5  # lines of the program that an error repeats
TERMINATION_S = 5.0  # seconds that a stopped program has to end


def command(*, command: str, model: str = "{out}", base: str | None = None) -> Trainer:
    """Runs a command line and waits for its end. `{rows}` in it is the file of rows, `{base}` the model that training
    begins with, `{out}` the folder that it has to write, `{loss}` the objective (sft, dpo), and `{seed}` the seed. No
    shell is between: write `sh -c '...'` for one. The program has to end with exit code 0 and leave files in `{out}`.

    Args:
        command: The command line, such as "python train.py {rows} {base} {out}".
        model: The name of the trained model, as `--model` takes it, such as "embedded:{out}"; by default its folder.
        base: What `{base}` is in the first round, if it is not the model's name; later it is the folder before.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise PartError(f"command {command!r} of trainer 'command' cannot be read: {error}") from error
    if not words:
        raise PartError("command of trainer 'command' is empty: write a program with {rows}, {base} and {out}")
    for text in [*words, model]:
        _filled(text, dict.fromkeys(PLACES, ""))

    async def trainer(task: TrainingTask) -> Trained:
        begins = str(task.weights) if task.weights else base or task.base
        values: dict[str, object] = {
            "rows": task.rows, "base": begins, "out": task.out, "loss": task.loss, "seed": task.seed,
        }  # fmt: skip
        task.out.parent.mkdir(parents=True, exist_ok=True)
        await _run([_filled(word, values) for word in words], task)
        if not task.out.is_dir() or not any(file.is_file() for file in task.out.rglob("*")):
            raise TrainingError(f"{words[0]} ended without an error, but wrote nothing to {task.out}: mend the command")
        return Trained(_filled(model, values))

    return trainer


def _filled(text: str, values: Mapping[str, object]) -> str:
    """Returns a text with the values in their places. Raises PartError for an unknown place."""
    try:
        return text.format(**values)
    except (KeyError, IndexError, ValueError) as error:
        name = str(error).strip("'")
        raise PartError(f"{{{name}}} in {text!r} is no place; {alternatives(name, PLACES)}") from error


async def _run(words: list[str], task: TrainingTask) -> None:
    """Runs a program, whose lines are reported. Raises TrainingError if it fails."""
    pipe = asyncio.subprocess.PIPE
    try:
        program = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True, limit=2**20, pass_fds=() if task.lock is None else (task.lock,),
        )  # fmt: skip
    except OSError as error:
        raise TrainingError(f"{words[0]} cannot be started ({error.strerror}): mend the trainer's command") from error
    last: deque[str] = deque(maxlen=LAST)
    try:
        async for line in _lines(program):
            last.append(line)
            task.say(line)
        code = await program.wait()
    except BaseException:
        await _end(program)
        raise
    if code:
        said = f": {' / '.join(last)}" if last else ""
        raise TrainingError(
            f"the trainer {Path(words[0]).name} ended with {_ended(code)}{said[:500]}: mend it, and the same command"
            " goes on"
        )


def _ended(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


async def _lines(program: asyncio.subprocess.Process):
    """Yields the lines of a program that are not empty."""
    assert program.stdout
    async for line in program.stdout:
        if text := line.decode("utf-8", "replace").strip():
            yield text


async def _end(program: asyncio.subprocess.Process) -> None:
    """Ends a program and everything that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(program.pid, number)
        with suppress(TimeoutError):
            await asyncio.wait_for(program.wait(), TERMINATION_S)
            return
