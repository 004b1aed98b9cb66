"""Finds, for each of many vectors, the nearest of many other vectors. The work is done in blocks."""

from collections.abc import Callable

import numpy as np

ROWS = 1024
COLUMNS = 4096
"""The number of columns of a block of products. A block takes 16 MB: large enough for an efficient matrix product, and
small enough for the processor's cache."""


def nearest(
    new: np.ndarray, base: np.ndarray, report: Callable[[int], None] = lambda done: None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a pair of arrays, with one item for each row of `new`: the index of the nearest row of `base`, and the
    squared Euclidean distance to it.

    `new` and `base` are float32, with the shapes (N, d) and (M, d), M at least 1. The nearest y of x has the largest
    x.y - |y|^2 / 2. This is one matrix product if a column of 1 is appended to `new`, and a column of -|y|^2 / 2 to
    `base`. The distance itself is computed in float64 from the two rows, which avoids cancellation. `report` is called
    with the number of finished rows. A block of products takes 16 MB; the copies with the extra column take as much
    memory as `new` and `base`.
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
    """Returns the squared Euclidean distance between each row of `left` and the row of `right` with the same index, in
    float64."""
    found = np.empty(len(left))
    for start in range(0, len(left), ROWS):
        apart = left[start : start + ROWS].astype(np.float64) - right[start : start + ROWS]
        found[start : start + ROWS] = np.einsum("ij,ij->i", apart, apart)
    return found
