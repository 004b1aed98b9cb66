"""Exact truncation of one token distribution."""

import numpy as np
from numpy.typing import NDArray

from redraft.llm.truncation import Truncation


def truncate(weights: NDArray[np.float64], truncation: Truncation) -> NDArray[np.float64]:
    """Returns the weights (vocabulary,), not normalized, with 0 for each excluded token. `top_k` is applied first, then
    `top_p` to the rest, then `min_p`, as in transformers' warpers. If weights are equal, the smaller token id ranks
    first. The most likely token is never excluded."""
    order = np.argsort(-weights, kind="stable")
    if truncation.top_k is not None:
        order = order[: truncation.top_k]
    ranked = weights[order]
    if truncation.top_p is not None and truncation.top_p < 1:
        sums = ranked.cumsum()
        ranked = ranked[: 1 + int((sums[:-1] < truncation.top_p * sums[-1]).sum())]
    if truncation.min_p is not None:
        ranked = ranked[ranked >= truncation.min_p * ranked[0]]
    truncated = np.zeros_like(weights)
    truncated[order[: len(ranked)]] = ranked
    return truncated
