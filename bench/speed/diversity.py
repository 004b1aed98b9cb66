"""Measures the nearest-question search relative to numpy's matrix product alone: `python bench/speed/diversity.py`.

`--size 50000` questions are compared with the same number of questions of the base set, as vectors of 384 numbers. The
two computations run in turn, several times each, and the minimum time of each is used, because a single measurement on
a busy machine is unreliable. The matrix product alone uses the same blocks. Its results are discarded, because all of
them would need 10 GB.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable

import numpy as np

from redraft.flows.embedding.nearest import COLUMNS, ROWS, nearest

BYTES = 1024 if sys.platform != "darwin" else 1  # the unit of ru_maxrss in bytes


def product(new: np.ndarray, base: np.ndarray) -> None:
    """Computes all products, and discards them."""
    room = np.empty(ROWS * COLUMNS, np.float32)
    for start in range(0, len(new), ROWS):
        for first in range(0, len(base), COLUMNS):
            rows, columns = new[start : start + ROWS], base[first : first + COLUMNS]
            np.matmul(rows, columns.T, out=room[: len(rows) * len(columns)].reshape(len(rows), len(columns)))


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--size", type=int, default=10_000, help="questions, and questions of the base set")
    parser.add_argument("--width", type=int, default=384, help="numbers of a vector")
    parser.add_argument("--times", type=int, default=3, help="measurements of each")
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    new, base = (rng.standard_normal((given.size, given.width), np.float32) for _ in range(2))
    for vectors in (new, base):
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    product(new[:ROWS], base[:COLUMNS])  # starts the library's threads
    pairs = [(seconds(lambda: product(new, base)), seconds(lambda: nearest(new, base))) for _ in range(given.times)]
    alone, whole = (min(found) for found in zip(*pairs, strict=True))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES / 1e6
    print(  # noqa: T201 - a line for the reader
        f"{given.size:,} x {given.size:,} at {given.width}: matrix product {alone:.2f} s, nearest {whole:.2f} s,"
        f" {whole / alone:.2f} times; {memory:,.0f} MB at most"
    )


if __name__ == "__main__":
    main()
