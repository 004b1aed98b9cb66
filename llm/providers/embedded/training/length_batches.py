"""Batches of similar length, so that little of them is padding."""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
TOKENS_A_STEP = 6144  # of a batch, padding included
MULTIPLE = 8  # a batch's length is one of this number
SPREAD = 8  # tokens by which lengths may be out of order, so that each epoch has other batches


def length_batches(
    examples: Sequence[T], length: Callable[[T], int], rng: random.Random, *, tokens: int = TOKENS_A_STEP
) -> list[tuple[int, list[T]]]:
    """Returns all examples in batches of similar length and about as many tokens, and the length of each batch. The
    order is random."""
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
