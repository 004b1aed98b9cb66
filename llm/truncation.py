"""Truncated sampling: each draw excludes the less likely tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from redraft.store.errors import PartError


@dataclass(frozen=True, slots=True)
class Truncation:
    """The settings that restrict the tokens among which a draw chooses. If a setting is None, the model decides: the
    embedded model does not truncate, and a server uses its own default.

    The embedded model applies the temperature first, then `top_k`, `top_p` and `min_p`, each to the result of the
    previous one, as transformers and vLLM do. Recorded log-probabilities are still those of the whole distribution at
    temperature 1. Raises PartError for a value outside its range.
    """

    top_p: float | None = None  # in (0, 1]: keeps the smallest set of most likely tokens with at least this probability
    top_k: int | None = None  # at least 1: keeps this many of the most likely tokens
    min_p: float | None = None  # in [0, 1): keeps tokens with at least this fraction of the highest probability

    def __post_init__(self) -> None:
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise PartError(f"top_p={self.top_p} must be above 0 and at most 1: correct it or leave it out")
        if self.top_k is not None and (self.top_k < 1 or int(self.top_k) != self.top_k):
            raise PartError(f"top_k={self.top_k} must be a whole number from 1: correct it or leave it out")
        if self.min_p is not None and not 0 <= self.min_p < 1:
            raise PartError(f"min_p={self.min_p} must be at least 0 and below 1: correct it or leave it out")

    def given(self) -> Mapping[str, float | int]:
        """Returns the settings that are not None, by name."""
        return {name: value for name in NAMES if (value := getattr(self, name)) is not None}

    def __bool__(self) -> bool:
        """Returns whether any setting is not None."""
        return self.top_p is not None or self.top_k is not None or self.min_p is not None


NAMES = tuple(field.name for field in fields(Truncation))
NO_TRUNCATION = Truncation()
