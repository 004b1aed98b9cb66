"""The nearest of many vectors for each of many others, block by block."""

from collections.abc import Callable

import numpy as np

ROWS = 1024
COLUMNS = 4096
"""The shape of a block of products, 16 MB: large enough for the matrix product, and small enough to be cached."""


def nearest(
    new: np.ndarray, base: np.ndarray, report: Callable[[int], None] = lambda done: None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns for each row of `new` the number of its nearest row of `base`, and their squared Euclidean distance.

    Both are of float32, (N, d) and (M, d) with M of at least 1. The nearest y of x has the largest x.y - |y|^2 / 2,
    which is one matrix product if x has a further 1 and y a further -|y|^2 / 2. The distance itself is computed in
    float64 from the two rows, so that no digits cancel. `report` gets the number of finished rows. The products of
    a block take 16 MB, and the copies with the further column as much as `new` and `base`.
    """
    left = np.hstack([new, np.ones((len(new), 1), np.float32)])
    squares = np.einsum("ij,ij->i", base, base, dtype=np.float32)[:, None]
    right = np.hstack([base, -squares / 2])
    found = np.zeros(len(new), np.int64)
    room = np.empty(ROWS * COLUMNS, np.float32)
    for start in range(0, len(left), ROWS):
        rows = left[start : start + ROWS]
        best = np.full(len(rows), -np.inf, np.float32)
        here = np.arange(len(rows))
        for first in range(0, len(right), COLUMNS):
            columns = right[first : first + COLUMNS]
            block = room[: len(rows) * len(columns)].reshape(len(rows), len(columns))
            products = np.matmul(rows, columns.T, out=block)
            places = products.argmax(axis=1)
            values = products[here, places]
            better = values > best
            best[better] = values[better]
            found[start : start + ROWS][better] = places[better] + first
        report(start + len(rows))
    return found, squared_distances(new, base[found])


def squared_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns the squared Euclidean distance of each row of `left` from the same row of `right`, in float64."""
    found = np.empty(len(left))
    for start in range(0, len(left), ROWS):
        apart = left[start : start + ROWS].astype(np.float64) - right[start : start + ROWS]
        found[start : start + ROWS] = np.einsum("ij,ij->i", apart, apart)
    return found
