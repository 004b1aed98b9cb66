"""Batches of examples of similar length, which need little padding."""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
TOKENS_A_STEP = 6144  # tokens of a batch, including padding
MULTIPLE = 8  # a batch's length is a multiple of this
SPREAD = 8  # tokens; a random addition to the sorted lengths, so that epochs have different batches


def length_batches(
    examples: Sequence[T], length: Callable[[T], int], rng: random.Random, *, tokens: int = TOKENS_A_STEP
) -> list[tuple[int, list[T]]]:
    """Returns a list of pairs (length, batch). The examples of a batch have similar lengths, and all batches have about
    `tokens` tokens. Their order is random."""
    made: list[tuple[int, list[T]]] = []
    spread = [(length(one) + SPREAD * rng.random(), one) for one in examples]
    for _, one in sorted(spread, key=lambda pair: pair[0]):
        size = -(-length(one) // MULTIPLE) * MULTIPLE
        longest, batch = made[-1] if made else (0, [])
        if (len(batch) + 1) * max(size, longest) > tokens or not made:
            made.append((size, [one]))
        else:
            made[-1] = (max(size, longest), batch)
            batch.append(one)
    rng.shuffle(made)
    return made
