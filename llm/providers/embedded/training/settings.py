"""The settings of fine-tuning. `redraft train --help` reads the fields, so this module has no slow imports."""

from dataclasses import dataclass

from redraft.store.fields import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneSettings:
    """The settings of fine-tuning. The learning rate increases linearly during the first 4% of the steps, and then
    decreases along a cosine."""

    epochs: int = setting(1, "The number of passes over the rows.", ge=1)
    rate: float = setting(6e-4, "The maximum learning rate.", gt=0)
    replay: float = setting(
        0.25, "The share of rows from the model's first training, to prevent forgetting.", ge=0, lt=1
    )
    average: float = setting(
        0.0, "The share of the old weights in the average of old and new weights, to prevent forgetting.", ge=0, lt=1
    )
    seed: int = setting(0, "The random seed; on one machine the same seed gives the same weights.")
    threads: int = setting(1, "The number of CPU threads.", ge=1)
