"""The data that a loss needs for a training: the rows that fit, the model, and the arguments of transformers' trainers.
Needs the extra `trl`."""

# pyright: reportMissingImports=false
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset

from redraft.flows.trainers.hugging_face.base import ADAPTER, context, load_model, load_tokenizer
from redraft.flows.trainers.hugging_face.rows import Row
from redraft.flows.trainers.hugging_face.settings import DRAWING, TrlSettings, TrlTask
from redraft.flows.trainers.trainer import TrainingError
from redraft.store.errors import plural


@dataclass(frozen=True, slots=True)
class Fit:
    """A trainer that is ready to train, and a function that returns its measurements other than losses."""

    trainer: Any
    figures: Callable[[], Mapping[str, Any]] = dict


class Work:
    """A training. `rows` are the rows of its file. `left_out` counts the rows that are too long for the model."""

    def __init__(self, task: TrlTask, rows: Sequence[Row], scratch: Path) -> None:
        self.task, self.rows, self.left_out = task, rows, 0
        self.settings: TrlSettings = task.settings
        self.tokenizer = load_tokenizer(task.base)
        self._scratch = scratch
        if any(isinstance(row.get("prompt"), list) for row in rows[:1]) and not self.tokenizer.chat_template:
            raise TrainingError(
                f"the tokenizer of {task.base} has no chat template, which rows of messages need: name a model that"
                " was tuned for chats, or export with --set style=text"
            )

    def model(self, head: str = "writes") -> Any:
        """Returns the model, for a trainer that receives `adapters` separately."""
        trunk = None if self.task.trunk is None else str(self.task.trunk)
        return load_model(self.task.base, head, adapters=bool(self.settings.lora), trunk=trunk)

    @property
    def adapters(self) -> Any:
        """Returns the configuration of new adapters. Returns None if all weights are trained, or if the base has
        adapters, which are trained further."""
        if not self.settings.lora or (Path(self.task.base) / ADAPTER).is_file():
            return None
        from peft import LoraConfig

        size = self.settings.lora
        return LoraConfig(r=size, lora_alpha=2 * size, lora_dropout=0.0, target_modules="all-linear")

    def with_adapters(self, head: str) -> Any:
        """Returns the model, with new adapters if adapters are trained. All weights of the head are trained."""
        model, adapters = self.model(head), self.adapters
        if adapters is None:
            return model
        from peft import TaskType, get_peft_model

        adapters.task_type = TaskType.SEQ_CLS if head == "values" else TaskType.CAUSAL_LM
        return get_peft_model(model, adapters)

    def fitting(self, length: Callable[[Row], int], longest: int) -> list[Row]:
        """Returns the rows whose length in tokens is at most `longest`. Raises TrainingError if no row fits."""
        most = min(self.settings.max_length or longest, longest)
        found = [row for row in self.rows if length(row) <= most]
        self.left_out = len(self.rows) - len(found)
        if not found:
            raise TrainingError(
                f"none of {plural(len(self.rows), 'row')} fits into the {most:,} tokens that the model reads: "
                + ("lower trainer.max_tokens" if self.task.loss in DRAWING else "export shorter ones")
                + ", or raise trainer.max_length"
            )
        return found

    def conversations(self, model: Any, *answers: str) -> list[Row]:
        """Returns the rows whose prompt fits into the context together with the longest of these answers. Without
        `answers`, room is left for the number of tokens that are drawn."""
        drawn = 0 if answers else self.settings.max_tokens
        return self.fitting(lambda row: self._length(row, answers) + drawn, context(model))

    def _length(self, row: Row, answers: Iterable[str]) -> int:
        if isinstance(row["prompt"], str):
            texts = [row["prompt"] + row[name] for name in answers] or [row["prompt"]]
            return max(len(self.tokenizer(text)["input_ids"]) + 1 for text in texts)
        asked = self.tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=False)
        talks = [row["prompt"] + row[name] for name in answers]
        return max(len(asked), *(len(self.tokenizer.apply_chat_template(talk, return_dict=False)) for talk in talks), 0)

    def dataset(self, rows: Sequence[Row], *columns: str) -> Any:
        """Returns rows with these columns as a dataset in memory."""
        return Dataset.from_list([{name: row[name] for name in columns} for row in rows])

    def arguments(self, config: Any, **given: Any) -> Any:
        """Returns the arguments of a trainer: a configuration of transformers or TRL, with the settings of the task. No
        checkpoint is saved, and nothing is reported to a service."""
        settings, cuda = self.settings, torch.cuda.is_available()
        common: dict[str, Any] = {
            "output_dir": str(self._scratch),
            "num_train_epochs": settings.epochs,
            "max_steps": settings.steps or -1,
            "learning_rate": settings.rate_of(self.task.loss),
            "per_device_train_batch_size": settings.at_once,
            "gradient_accumulation_steps": settings.batch // settings.at_once,
            "gradient_checkpointing": cuda,
            "bf16": cuda and torch.cuda.is_bf16_supported(),
            "use_cpu": not cuda,
            "seed": self.task.seed,
            "save_strategy": "no",
            "report_to": "none",
            "logging_steps": 1,
            "logging_nan_inf_filter": False,
            "disable_tqdm": True,
        }
        made = config(**{**common, **given})
        made._n_gpu = min(made.n_gpu, 1)  # with several GPUs, DataParallel would be used, which TRL refuses
        return made
