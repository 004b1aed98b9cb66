"""The nearest question: by brute force, over the borders of blocks, and in float32 as in float64."""

import numpy as np
import pytest

from redraft.flows.embedding import nearest as module
from redraft.flows.embedding.nearest import nearest, squared_distances


def vectors(count: int, width: int, seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def brute_force(new: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    apart = ((new[:, None].astype(np.float64) - base[None].astype(np.float64)) ** 2).sum(axis=2)
    return apart.argmin(axis=1), apart.min(axis=1)


@pytest.mark.parametrize(("count", "others"), [(1, 1), (7, 3), (64, 200), (65, 33), (129, 97)])
def test_the_nearest_is_the_one_that_brute_force_finds(
    count: int, others: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS", 64)
    monkeypatch.setattr(module, "COLUMNS", 32)
    new, base = vectors(count, 24, 1), vectors(others, 24, 2)
    places, apart = nearest(new, base)
    expected_places, expected = brute_force(new, base)
    assert places.tolist() == expected_places.tolist()
    assert apart == pytest.approx(expected, abs=1e-12)


def test_vectors_of_any_length_are_compared_by_distance_and_not_by_angle() -> None:
    base = np.array([[10, 0], [1, 1]], np.float32)
    places, apart = nearest(np.array([[2, 0], [9, 1]], np.float32), base)
    assert (places.tolist(), apart.tolist()) == ([1, 0], [2.0, 2.0])


def test_float32_in_blocks_agrees_with_float64_to_five_digits() -> None:
    new, base = vectors(1500, 384, 3), vectors(5000, 384, 4)
    base[:100] = new[:100] + np.float32(1e-4)  # near duplicates, whose digits cancel
    products = new.astype(np.float64) @ base.astype(np.float64).T
    squares = (base.astype(np.float64) ** 2).sum(axis=1)
    exact = ((new.astype(np.float64) ** 2).sum(axis=1)[:, None] + squares - 2 * products).min(axis=1)
    _, apart = nearest(new, base)
    assert np.abs(apart - exact).max() < 1e-5


def test_a_vector_of_the_base_has_the_distance_nought_and_the_first_of_two_equal_ones_counts() -> None:
    base = vectors(50, 16, 5)
    base[20] = base[10]
    places, apart = nearest(base[10:11], base)
    assert (places.tolist(), apart.tolist()) == ([10], [0.0])


def test_the_progress_counts_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 4)
    done: list[int] = []
    nearest(vectors(10, 3, 6), vectors(5, 3, 7), done.append)
    assert done == [4, 8, 10]


def test_distances_of_pairs() -> None:
    left, right = vectors(9, 5, 8), vectors(9, 5, 9)
    expected = np.linalg.norm(left.astype(np.float64) - right, axis=1) ** 2
    assert squared_distances(left, right) == pytest.approx(expected, abs=1e-12)
