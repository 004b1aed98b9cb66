"""The protocol of every trainer of models. A trainer is a file in this folder. Its only public function has the name of
the file and returns a Trainer; the function's keyword arguments are the trainer's configuration. If the file lists its
LOSSES, a method with another loss is refused before a model is called."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from redraft.llm.prompts.prompts import Prompts
from redraft.store.errors import RedraftError

CLASSIFIERS = ("prm", "value")
"""The losses whose models write nothing: they give steps or texts their values."""


class TrainingError(RedraftError):
    """Raised if a model cannot be trained. The message names the cause and the cure."""


def _silent(line: str) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTask:
    """The task of a trainer: to train the model `base` on the file `rows` with the objective `loss`, and to write the
    model to the folder `out`. `weights` is the folder of the base model, if it is known. `trunk` is the folder of a
    reward model whose layers replace those of the base model; the output head is kept. `prompts` are the templates in
    which the model is asked. `say` receives lines about the progress. A training program inherits the file descriptor
    `lock`, so that only one program trains even if redraft is killed."""

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
    """The trained model: its name in the form of `--model`, and the measurements that the trainer reports."""

    model: str
    figures: Mapping[str, Any] = field(default_factory=dict)


class Trainer(Protocol):
    """Trains a model. The same task must give the same files again, because a training that was killed is repeated.
    Raises TrainingError, and ModelError if a package is missing."""

    async def __call__(self, task: TrainingTask) -> Trained: ...
