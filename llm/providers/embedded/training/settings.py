"""The settings of fine-tuning. `redraft train --help` reads the fields, so this file imports no slow module."""

from dataclasses import dataclass

from redraft.store.fields import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneSettings:
    """The settings of fine-tuning. The learning rate rises for a twenty-fifth of the steps and then falls along a
    cosine."""

    epochs: int = setting(1, "How often each row is learnt from.", ge=1)
    rate: float = setting(6e-4, "The highest learning rate.", gt=0)
    replay: float = setting(
        0.25, "The share of rows that come from the first training, against forgetting.", ge=0, lt=1
    )
    average: float = setting(
        0.0, "The share of the weights before the training in the weights after it, against forgetting.", ge=0, lt=1
    )
    seed: int = setting(0, "The same seed gives the same weights, on one machine.")
    threads: int = setting(1, "Processor threads.", ge=1)
