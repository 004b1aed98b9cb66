"""The protocol of every trainer of models. A trainer is a file in this folder. Its one public function has the name of
the file and returns a Trainer; the keyword arguments of the function are the trainer's configuration. If the file lists
its LOSSES, a method with another loss is a mistake before a model is asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from redraft.llm.prompts.prompts import Prompts
from redraft.store.errors import RedraftError


class TrainingError(RedraftError):
    """A model cannot be trained. The message names the cause and the cure."""


def _silent(line: str) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTask:
    """What a trainer has to do: learn from the file `rows`, beginning with the model `base`, by the objective `loss`,
    and write the model to the folder `out`. `weights` is the folder of the base model, if it is known. `trunk` is the
    folder of a reward model whose layers take the place of the base model's; the output head stays. The model is
    asked with the wordings of `prompts`. `say` receives lines about the progress. A program that trains inherits the
    descriptor `lock`, so that it trains alone even if redraft is killed."""

    rows: Path
    base: str
    out: Path
    loss: str = "sft"
    weights: Path | None = None
    trunk: Path | None = None
    seed: int = 0
    prompts: Prompts | None = None
    lock: int | None = None
    say: Callable[[str], None] = _silent


@dataclass(frozen=True, slots=True)
class Trained:
    """The trained model: its name, as `--model` takes it, and what the trainer reports of the training."""

    model: str
    figures: Mapping[str, Any] = field(default_factory=dict)


class Trainer(Protocol):
    """Trains a model. The same task has to give the same files again, since a training that was killed is repeated.
    Raises TrainingError, and ModelError if a package is missing."""

    async def __call__(self, task: TrainingTask) -> Trained: ...
