"""The settings of a training with TRL, and the task file for the training program."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from redraft.llm.prompts.prompts import Example, Prompts
from redraft.store.errors import PartError

RATES = {"sft": 1e-5, "dpo": 1e-6, "kto": 1e-6, "grpo": 1e-6, "score": 5e-6, "prm": 1e-5, "value": 3e-6}
"""The initial learning rate of each loss, for training all weights."""
LORA_RATE = 10
"""The learning rate of adapters, as a multiple of the rate for all weights."""
BETAS = {"dpo": 0.1, "kto": 0.1, "grpo": 0.0, "score": 0.01}
"""The strength of the reference model in each loss that has a reference."""
DRAWING = ("grpo", "score")
"""The losses that draw completions themselves. A batch of them is counted in completions instead of rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrlSettings:
    """The arguments of the trainer `trl`, whose docstring describes them. If `rate` or `beta` is None, the default of
    the loss applies."""

    epochs: int = 1
    steps: int | None = None
    rate: float | None = None
    batch: int = 16
    at_once: int = 4
    max_length: int | None = None
    beta: float | None = None
    lora: int = 0
    merge: bool = True
    grader: str = "oracle"
    group: int = 8
    temperature: float = 1.0
    max_tokens: int = 512
    alpha: float = 10.0
    pin: float = 0.1
    first_stage: float = 0.5

    def check(self) -> None:
        """Raises PartError for a setting that is out of its range."""
        least = {
            "epochs": 1, "steps": 1, "batch": 1, "at_once": 1, "max_length": 2, "lora": 0, "group": 2, "max_tokens": 1,
            "beta": 0, "alpha": 0, "pin": 0, "first_stage": 0,
        }  # fmt: skip
        for name, most in least.items():
            value = getattr(self, name)
            if value is not None and not value >= most:
                raise PartError(f"{name}={value} of trainer 'trl' has to be at least {most}")
        for name in ("rate", "temperature"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise PartError(f"{name}={value} of trainer 'trl' has to be above 0")
        if self.first_stage > 1:
            raise PartError(f"first_stage={self.first_stage} of trainer 'trl' is a share of the steps: at most 1")
        if self.batch % self.at_once:
            raise PartError(f"batch={self.batch} of trainer 'trl' has to be a multiple of at_once={self.at_once}")

    def check_loss(self, loss: str) -> None:
        """Raises PartError for settings that do not fit a loss."""
        if loss in DRAWING and self.batch % self.group:
            raise PartError(
                f"batch={self.batch} of trainer 'trl' counts completions in {loss}, and has to be a multiple of"
                f" group={self.group}"
            )
        if loss == "kto" and self.at_once < 2:
            raise PartError("at_once=1 of trainer 'trl' gives KTO nothing to compare a row with: take 2 or more")

    def rate_of(self, loss: str) -> float:
        """Returns the initial learning rate."""
        return self.rate or RATES[loss] * (LORA_RATE if self.lora else 1)

    def beta_of(self, loss: str) -> float:
        """Returns the strength of the reference model."""
        return BETAS[loss] if self.beta is None else self.beta


@dataclass(frozen=True, slots=True, kw_only=True)
class TrlTask:
    """A training task: the file of rows, the base model, the folder to write, the loss, and the seed. `trunk` is the
    folder of a reward model whose layers replace the model's layers. `prompts` are the templates in which the model is
    asked the questions of the rows. If None, questions are not changed."""

    rows: Path
    base: str
    out: Path
    loss: str
    seed: int
    settings: TrlSettings
    trunk: Path | None = None
    prompts: Prompts | None = None

    def to_json(self) -> str:
        """Returns the task as one JSON object."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def read(cls, file: Path) -> "TrlTask":
        """Returns the task in a file."""
        given: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        places = {name: Path(given[name]) for name in ("rows", "out", "trunk") if given[name] is not None}
        return cls(**{**given, **places, "settings": TrlSettings(**given["settings"]), "prompts": _prompts(given)})


def _prompts(given: Mapping[str, Any]) -> Prompts | None:
    prompts = given["prompts"]
    return prompts and Prompts(**{**prompts, "examples": tuple(Example(**one) for one in prompts["examples"])})
