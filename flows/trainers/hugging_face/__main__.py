"""The training program: `python -m redraft.flows.trainers.hugging_face TASK.json`. It runs in a separate process, so
that the GPU memory is released when it ends. Needs the extra `trl`.

A user's mistake is printed as the last line of the output, after the prefix MISTAKE, and the exit code is 2.
"""

# pyright: reportMissingImports=false
import json
import math
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import Any

import datasets
import torch
from transformers import PrinterCallback, TrainerCallback, set_seed
from transformers.utils import logging

from redraft.flows.trainers.hugging_face.base import stored_dtype
from redraft.flows.trainers.hugging_face.rows import oracle_used, read_rows
from redraft.flows.trainers.hugging_face.settings import TrlTask
from redraft.flows.trainers.hugging_face.training import Fit, Work
from redraft.flows.trainers.trainer import TrainingError
from redraft.store.errors import RedraftError

MISTAKE = "redraft: "
FULL = "No space left on device", "File too large"
SAID_S = 10.0  # minimum seconds between two progress lines
FIGURES = "training.json"
"""The file in the model's folder with the measurements of the training."""


def train(task: TrlTask) -> dict[str, Any]:
    """Trains a model, writes it to the folder of the task, and returns the measurements. The folder appears only when
    it is complete. Without a GPU, the same task gives the same files on the same machine. Raises RedraftError."""
    set_seed(task.seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    rows = read_rows(task)
    part = task.out.with_name(f"{task.out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    work = Work(task, rows, part / "scratch")
    fit: Fit = getattr(import_module(f"redraft.flows.trainers.hugging_face.losses.{task.loss}"), task.loss)(work)
    progress = Progress()
    fit.trainer.add_callback(progress)
    fit.trainer.remove_callback(PrinterCallback)
    fit.trainer.train()
    figures = {
        "rows": len(rows) - work.left_out,
        "left_out": work.left_out,
        "steps": fit.trainer.state.global_step,
        **progress.figures,
        **fit.figures(),
    }
    figures["oracle_used"] = oracle_used(rows) or bool(figures.get("oracle_used"))
    save(fit.trainer, work, part)
    made = {"base": task.base, "loss": task.loss, "seed": task.seed, "settings": asdict(task.settings)}
    (part / FIGURES).write_text(json.dumps({**made, "figures": figures}, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(part / "scratch", ignore_errors=True)
    shutil.rmtree(task.out, ignore_errors=True)
    part.rename(task.out)
    return figures


def save(trainer: Any, work: Work, folder: Path) -> None:
    """Writes the model, in the precision of its base model, and the tokenizer. Adapters are merged into the model,
    unless `merge` is false."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    if hasattr(model, "merge_and_unload"):
        if "ref" in model.peft_config:
            model.delete_adapter("ref")
        if work.settings.merge:
            model = model.merge_and_unload()
    model.to(stored_dtype(work.task.base)).save_pretrained(folder)
    work.tokenizer.save_pretrained(folder)
    for file in folder.iterdir():
        if file.is_file():
            file.chmod(0o644)  # safetensors makes its files unreadable for other users


class Progress(TrainerCallback):
    """Prints the progress, and records the losses and rewards of the steps. Raises TrainingError if the loss is NaN or
    infinite."""

    def __init__(self) -> None:
        self._seen: dict[str, list[float]] = {"loss": [], "reward": []}
        self._said = -math.inf

    @property
    def figures(self) -> Mapping[str, float]:
        """Returns the means of losses and rewards over the first and the last tenth of the steps."""
        return {
            f"{name}_{kind}": round(fmean(values), 6)
            for kind, seen in self._seen.items()
            if seen
            for name, values in (("first", _tenth(seen)), ("last", _tenth(seen[::-1])))
        }

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **named: Any) -> None:
        loss = (logs or {}).get("loss")
        if loss is None:
            return
        step = state.global_step
        if not math.isfinite(loss):
            raise TrainingError(f"the loss of step {step:,} is no number: lower trainer.rate")
        for name, seen in self._seen.items():
            seen += [float(value)] if (value := (logs or {}).get(name)) is not None else []
        now = time.monotonic()
        if now - self._said >= SAID_S or step == state.max_steps:
            self._said = now
            reward = f", reward {logs['reward']:.4f}" if logs and logs.get("reward") is not None else ""
            print(f"step {step:,} of {state.max_steps:,}, loss {loss:.4f}{reward}", flush=True)  # noqa: T201


def _tenth(values: Sequence[float]) -> Sequence[float]:
    return values[: max(1, len(values) // 10)]


def mistake(error: Exception) -> str | None:
    """Returns an error message with a cure if the user can correct the error. Returns None for an error of the
    program."""
    if isinstance(error, RedraftError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError):
        return (
            "the GPU's memory is too small for this training: lower trainer.at_once or trainer.max_length, or set"
            " trainer.lora=16"
        )
    if any(text in str(error) for text in FULL):
        return "the disk is full: free some space, and the same command goes on; the rounds before are as they were"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'}: {error.strerror}: mend this, and the same command goes on"
    return None


def main(file: str) -> None:
    """Trains as described in the task file."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    datasets.disable_progress_bars()
    try:
        train(TrlTask.read(Path(file)))
    except Exception as error:
        if (told := mistake(error)) is None:
            raise
        print(f"{MISTAKE}{' '.join(told.split())}", flush=True)  # noqa: T201
        sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1])
