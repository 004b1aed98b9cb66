"""Truncation of one row's distribution, exactly."""

import numpy as np
from numpy.typing import NDArray

from redraft.llm.truncation import Truncation


def truncate(weights: NDArray[np.float64], truncation: Truncation) -> NDArray[np.float64]:
    """The weights (vocabulary,), not normalized, with 0 for each token that is not kept: first `top_k`, then `top_p` of
    what that keeps, then `min_p`, as transformers' warpers do it. Of equal weights the lower token comes first. The
    likeliest token is always kept."""
    order = np.argsort(-weights, kind="stable")
    if truncation.top_k is not None:
        order = order[: truncation.top_k]
    ranked = weights[order]
    if truncation.top_p is not None and truncation.top_p < 1:
        sums = ranked.cumsum()
        ranked = ranked[: 1 + int((sums[:-1] < truncation.top_p * sums[-1]).sum())]
    if truncation.min_p is not None:
        ranked = ranked[ranked >= truncation.min_p * ranked[0]]
    kept = np.zeros_like(weights)
    kept[order[: len(ranked)]] = ranked
    return kept
