"""The network of the embedded model: a row is the same to the last bit in any company, and draws are exact."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from redraft.llm.providers.embedded.engine import BLOCK, drawn
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.providers.embedded.network import SPAN, TILE, Cache, Floats, Network
from redraft.llm.providers.embedded.one_thread import one_thread
from redraft.store.sources.wordproblems import problems

STEPS = TILE + 6  # more than one block of a row's own tokens


@pytest.fixture(scope="module")
def network() -> Network:
    return embedded().engine.network


@pytest.fixture(scope="module")
def prompts() -> list[NDArray[np.int64]]:
    encode = embedded().vocabulary.encode
    return [np.array(encode(one.question), np.int64) for one in itertools.islice(problems(), 6)]


def token(prompt: int, step: int) -> int:
    return 4 + (prompt * 131 + step * 37) % 900


def alone(network: Network, prompts: Sequence[NDArray[np.int64]], number: int) -> list[Floats]:
    """The logits of each step of one prompt's row."""
    cache = Cache(1)
    network.read(prompts[number], cache, 0, last=True)
    return [network.step(np.array([token(number, step)]), cache)[0] for step in range(STEPS)]


def test_a_row_does_not_depend_on_others_on_its_place_or_on_who_shares_its_prompt(
    network: Network, prompts: list[NDArray[np.int64]]
) -> None:
    with one_thread():
        expected = [alone(network, prompts, number) for number in range(len(prompts))]
        rows = [(number, 7 * number) for number in range(len(prompts))]  # each begins seven steps after the one before
        cache, opened = Cache(SPAN + 8), list[list[int]]()
        for step in range(STEPS + 7 * len(prompts)):
            for number, first in rows:
                if step == first:
                    for place in range(3):  # three rows share a prompt, one of them read anew
                        if place == 1:
                            cache.copy(len(opened) - 1, len(opened))
                        else:
                            network.read(prompts[number], cache, len(opened), last=True)
                        opened.append([number, 0])
            logits = network.step(np.array([token(*row) for row in opened]), cache)
            for row, found in zip(opened, logits, strict=True):
                assert np.array_equal(found, expected[row[0]][row[1]])
                row[1] += 1
            for place in reversed([place for place, row in enumerate(opened) if row[1] == STEPS]):
                last = opened.pop()
                if place < len(opened):
                    cache.copy(len(opened), place)
                    opened[place] = last
            if not opened:
                break
    assert not opened


def test_rows_change_places_all_at_once(network: Network, prompts: list[NDArray[np.int64]]) -> None:
    with one_thread():
        expected = [alone(network, prompts, number)[:3] for number in range(3)]
        cache = Cache(3)
        for number in range(3):
            network.read(prompts[number], cache, number, last=True)
        network.step(np.array([token(number, 0) for number in range(3)]), cache)
        cache.copy_all([1, 2, 0], [0, 1, 2])
        for step in (1, 2):
            logits = network.step(np.array([token(number, step) for number in (1, 2, 0)]), cache)
            assert all(np.array_equal(row, expected[n][step]) for n, row in zip((1, 2, 0), logits, strict=True))


def test_reading_on_after_a_prompt_is_reading_both(network: Network, prompts: list[NDArray[np.int64]]) -> None:
    whole, prompt = network.states(prompts[0])
    _, before = network.states(prompts[0][:9])
    rest, longer = network.states(prompts[0][9:], before)
    assert np.abs(rest - whole[9:]).max() < 1e-3
    assert longer.length == prompt.length == len(prompts[0])
    last, _ = network.states(prompts[0][9:], before, last=True)
    assert np.abs(last - whole[-1:]).max() < 1e-3


def test_a_draw_is_the_token_at_which_the_running_sum_passes_the_number() -> None:
    rng = np.random.default_rng(0)
    weights = (rng.random((200, 3 * BLOCK)) * (rng.random((200, 3 * BLOCK)) < 0.3)).astype(np.float32)
    numbers = rng.random(200)
    sums = weights.astype(np.float64).cumsum(axis=1)
    expected = [int((row <= number * row[-1]).sum()) for row, number in zip(sums, numbers, strict=True)]
    assert drawn(weights, numbers).tolist() == expected


@pytest.mark.parametrize("number", [0.0, 1 - 2**-53])
def test_a_token_without_weight_is_never_drawn(number: float) -> None:
    weights = np.zeros((1, 2 * BLOCK), np.float32)
    weights[0, [5, BLOCK + 3]] = 0.1, 0.2
    assert drawn(weights, np.array([number])).tolist() == [5 if number == 0 else BLOCK + 3]
