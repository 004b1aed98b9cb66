"""The keys and the values of a prompt that the embedded network has read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """A prompt that was read: for each layer, the keys (HEADS, HEAD, length) and the values (HEADS, length, HEAD) of
    its tokens."""

    keys: list[Floats]
    values: list[Floats]

    @property
    def length(self) -> int:
        return self.keys[0].shape[2] if self.keys else 0


NOTHING = Prompt([], [])
