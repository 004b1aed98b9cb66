"""Exact truncation of token distributions."""

import numpy as np
from numpy.typing import NDArray

from redraft.llm.truncation import Truncation


def truncate(weights: NDArray[np.float64], truncation: Truncation) -> NDArray[np.float64]:
    """Returns the weights (..., vocabulary), not normalized, with 0 for each excluded token. `top_k` is applied first,
    then `top_p` to the rest, then `min_p`, as in transformers' warpers. If weights are equal, the smaller token id
    ranks first. The most likely token is never excluded."""
    kept = weights
    if truncation.top_k is not None and truncation.top_k < weights.shape[-1]:
        kept = np.where(_highest(weights, truncation.top_k), weights, 0)
    if truncation.top_p is not None and truncation.top_p < 1:
        order = np.argsort(-kept, axis=-1, kind="stable")
        sums = np.take_along_axis(kept, order, axis=-1).cumsum(axis=-1)
        count = 1 + (sums[..., :-1] < truncation.top_p * sums[..., -1:]).sum(axis=-1, keepdims=True)
        ranks = np.argsort(order, axis=-1)
        kept = np.where(ranks < count, kept, 0)
    if truncation.min_p is not None:
        kept = np.where(kept >= truncation.min_p * kept.max(axis=-1, keepdims=True), kept, 0)
    return kept


def _highest(weights: NDArray[np.float64], count: int) -> NDArray[np.bool_]:
    """Returns which tokens are the `count` likeliest ones."""
    least = np.partition(weights, -count, axis=-1)[..., -count, None]
    more, equal = weights > least, weights == least
    return more | (equal & (equal.cumsum(axis=-1) <= count - more.sum(axis=-1, keepdims=True)))
