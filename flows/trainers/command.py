"""Trains with the user's own program, for example axolotl, LLaMA-Factory, verl, or a script that submits a job to a
cluster."""

from pathlib import Path

from redraft.flows.trainers.program import command_words, fill, run_program
from redraft.flows.trainers.trainer import Trained, Trainer, TrainingError, TrainingTask

PLACES = ("rows", "base", "out", "loss", "seed", "trunk")


def command(*, command: str, model: str = "{out}", base: str | None = None) -> Trainer:
    """Runs a command line and waits until it ends. These placeholders are replaced: `{rows}` by the file of rows,
    `{base}` by the model with which training begins, `{out}` by the folder that the program must write, `{loss}` by the
    objective (sft, dpo), and `{seed}` by the seed. `{trunk}` is replaced by the folder of a reward model with whose
    layers training begins, or by "" if there is no such model. The command does not run in a shell; write `sh -c '...'`
    to use one. The program must end with exit code 0 and leave files in `{out}`.

    Args:
        command: The command line, such as "python train.py {rows} {base} {out}".
        model: The name of the trained model in the form of `--model`, such as "embedded:{out}"; by default its folder.
        base: The value of `{base}` in the first round, if it is not the model's name; in later rounds it is the
            previous folder.
    """
    words = command_words(command, "trainer 'command'", PLACES)
    fill(model, dict.fromkeys(PLACES, ""))

    async def trainer(task: TrainingTask) -> Trained:
        begins = str(task.weights) if task.weights else base or task.base
        values: dict[str, object] = {
            "rows": task.rows, "base": begins, "out": task.out, "loss": task.loss, "seed": task.seed,
            "trunk": task.trunk or "",
        }  # fmt: skip
        task.out.parent.mkdir(parents=True, exist_ok=True)
        await _run([fill(word, values) for word in words], task)
        if not task.out.is_dir() or not any(file.is_file() for file in task.out.rglob("*")):
            raise TrainingError(f"{words[0]} ended without an error, but wrote nothing to {task.out}: mend the command")
        return Trained(fill(model, values))

    return trainer


async def _run(words: list[str], task: TrainingTask) -> None:
    """Runs a program and reports its output lines. Raises TrainingError if it fails."""
    try:
        ended = await run_program(words, task.say, lock=task.lock)
    except OSError as error:
        raise TrainingError(f"{words[0]} cannot be started ({error.strerror}): mend the trainer's command") from error
    if ended.code:
        raise TrainingError(
            f"the trainer {Path(words[0]).name} ended with {ended}: mend it, and the same command goes on"
        )
