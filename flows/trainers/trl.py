"""Trains a Hugging Face model with TRL on this machine."""

import json
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from redraft.flows.trainers.hugging_face.settings import RATES, TrlSettings, TrlTask
from redraft.flows.trainers.program import fill, run_program
from redraft.flows.trainers.trainer import Trained, Trainer, TrainingError, TrainingTask
from redraft.llm.model import ModelError
from redraft.store.errors import alternatives

LOSSES = tuple(RATES)
PACKAGES = ("torch", "transformers", "datasets", "accelerate", "trl")
PROGRAM = "redraft.flows.trainers.hugging_face"
MISTAKE, FIGURES = "redraft: ", "training.json"
"""The prefix of a user's mistake in the program's output, and the file of measurements in the model's folder."""
QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONUNBUFFERED": "1",
    "PYTHONWARNINGS": "ignore", "TOKENIZERS_PARALLELISM": "false",
}  # fmt: skip


def trl(
    *,
    epochs: int = 1,
    steps: int | None = None,
    rate: float | None = None,
    batch: int = 16,
    at_once: int = 4,
    max_length: int | None = None,
    beta: float | None = None,
    lora: int = 0,
    merge: bool = True,
    grader: str = "oracle",
    group: int = 8,
    temperature: float = 1.0,
    max_tokens: int = 512,
    alpha: float = 10.0,
    pin: float = 0.1,
    first_stage: float = 0.5,
    base: str | None = None,
    model: str = "{out}",
) -> Trainer:
    """Tunes a model of the Hugging Face Hub, or in a folder, in a separate process.

    Losses: `sft` trains on completions, each row weighted by its `weight`; `dpo` on pairs; `kto` on labelled answers.
    `grpo` and `score` (SCoRe) draw answers to the rows of the format `prompts`, and a grader rewards them. `prm` trains
    a reward model of steps, and `value` a value model. On a CPU, the same rows, seed and machine give the same weights.
    Raises ModelError if a package is missing, and PartError for a setting that is out of its range.

    Args:
        epochs: The number of passes over the rows.
        steps: The number of optimizer steps, instead of epochs.
        rate: The initial learning rate, which decays to 0; `none` is the rate of the loss, and 10 times this rate for
            adapters.
        batch: The number of rows of a step; in `grpo` and `score` the number of completions.
        at_once: The number of rows that are in memory at once.
        max_length: The maximum number of tokens of a row; longer rows are left out. `none` is the model's context
            length.
        beta: The strength of the reference model; `none` is 0.1 for `dpo` and `kto`, 0 for `grpo`, 0.01 for `score`.
        lora: The rank of adapters (LoRA); 0 trains all weights.
        merge: Whether adapters are merged into the model; false writes only the adapters.
        grader: The grader that rewards, with its arguments, such as "prm profile=judge model=NAME".
        group: The number of completions of a prompt.
        temperature: The temperature at which completions are drawn.
        max_tokens: The maximum number of tokens of a completion.
        alpha: SCoRe's factor of the bonus for a change from the first to the second answer.
        pin: The weight of the KL divergence of first answers in SCoRe's stage I.
        first_stage: The share of the steps in SCoRe's stage I.
        base: The base model of the first round, if it is not the model's name; in later rounds it is the previous
            folder.
        model: The name of the trained model in the form of `--model`, such as "openai/{out}"; by default its folder.
    """
    settings = TrlSettings(
        epochs=epochs, steps=steps, rate=rate, batch=batch, at_once=at_once, max_length=max_length, beta=beta,
        lora=lora, merge=merge, grader=grader, group=group, temperature=temperature, max_tokens=max_tokens,
        alpha=alpha, pin=pin, first_stage=first_stage,
    )  # fmt: skip
    settings.check()
    fill(model, {"out": ""})
    _check_installed("peft" if lora else "trl")

    async def trainer(task: TrainingTask) -> Trained:
        if task.loss not in LOSSES:
            raise TrainingError(f"trainer 'trl' has no loss {task.loss!r}; {alternatives(task.loss, LOSSES)}")
        settings.check_loss(task.loss)
        begins = str(task.weights) if task.weights else base or task.base
        job = TrlTask(
            rows=task.rows, base=begins, out=task.out, loss=task.loss, seed=task.seed, settings=settings,
            trunk=task.trunk, prompts=task.prompts,
        )  # fmt: skip
        await _run(job, task)
        made = json.loads((task.out / FIGURES).read_text(encoding="utf-8"))
        return Trained(fill(model, {"out": task.out}), made["figures"])

    return trainer


async def _run(job: TrlTask, task: TrainingTask) -> None:
    """Trains in a separate process. Raises TrainingError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "task.json"
        file.write_text(job.to_json(), encoding="utf-8")
        command = [sys.executable, "-m", PROGRAM, str(file)]
        ended = await run_program(command, task.say, lock=task.lock, environment=QUIET)
    if not ended.code:
        return
    shutil.rmtree(task.out.with_name(f"{task.out.name}.part"), ignore_errors=True)
    if ended.code == 2 and ended.last and ended.last[-1].startswith(MISTAKE):
        raise TrainingError(ended.last[-1].removeprefix(MISTAKE))
    raise TrainingError(f"the training ended with {ended}: mend this, and the same command goes on")


def _check_installed(*more: str) -> None:
    """Raises ModelError if a package is missing, before any draft is paid for. Nothing is imported."""
    missing: list[Any] = [name for name in dict.fromkeys((*PACKAGES, *more)) if find_spec(name) is None]
    if missing:
        raise ModelError(f"Trainer 'trl' needs {missing[0]}, which is not installed.", cure="Install redraft[trl].")
