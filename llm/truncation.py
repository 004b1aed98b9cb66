"""Truncated sampling: each draw leaves out the less likely tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from redraft.store.errors import PartError


@dataclass(frozen=True, slots=True)
class Truncation:
    """The tokens among which a draw chooses. If a setting is None, the model decides: the embedded model truncates
    nothing, and a server applies its own default.

    The embedded model applies the temperature first, then `top_k`, `top_p` and `min_p`, each to the result of the one
    before, as transformers and vLLM do. A recorded log-probability remains that of the whole distribution at
    temperature 1. Raises PartError for a value outside its range.
    """

    top_p: float | None = None  # in (0, 1]: the fewest likeliest tokens that reach this probability together
    top_k: int | None = None  # from 1: this many of the likeliest tokens
    min_p: float | None = None  # in [0, 1): tokens with at least this share of the likeliest token's probability

    def __post_init__(self) -> None:
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise PartError(f"top_p={self.top_p} must be above 0 and at most 1: correct it or leave it out")
        if self.top_k is not None and (self.top_k < 1 or int(self.top_k) != self.top_k):
            raise PartError(f"top_k={self.top_k} must be a whole number from 1: correct it or leave it out")
        if self.min_p is not None and not 0 <= self.min_p < 1:
            raise PartError(f"min_p={self.min_p} must be at least 0 and below 1: correct it or leave it out")

    def given(self) -> Mapping[str, float | int]:
        """Returns the settings that are not None, by their names."""
        return {name: value for name in NAMES if (value := getattr(self, name)) is not None}

    def __bool__(self) -> bool:
        """Returns whether any setting is given."""
        return self.top_p is not None or self.top_k is not None or self.min_p is not None


NAMES = tuple(field.name for field in fields(Truncation))
NO_TRUNCATION = Truncation()
