"""The network of the embedded model: a row is the same to the last bit in any company, and draws are exact."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from redraft.llm.providers.embedded.attention import PLACES, TILE, Cache
from redraft.llm.providers.embedded.engine import BLOCK, NUMBERS, drawn, uniform
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.providers.embedded.network import Network
from redraft.llm.providers.embedded.one_thread import one_thread
from redraft.llm.providers.embedded.prompt_cache import Floats
from redraft.store.sources.wordproblems import problems

STEPS = TILE + 6  # more than one block of a row's own tokens


@pytest.fixture(scope="module")
def network() -> Network:
    return embedded().engine.network


@pytest.fixture(scope="module")
def prompts() -> list[NDArray[np.int64]]:
    encode = embedded().vocabulary.encode
    return [np.array(encode(one.question), np.int64) for one in itertools.islice(problems(), 16)]


def token(prompt: int, step: int) -> int:
    return 4 + (prompt * 131 + step * 37) % 900


def alone(network: Network, prompts: Sequence[NDArray[np.int64]], number: int) -> list[Floats]:
    """The logits of each step of one prompt's row."""
    cache = Cache(1)
    network.read(prompts[number], cache, 0, last=True)
    return [network.step(np.array([token(number, step)]), cache)[0] for step in range(STEPS)]


@pytest.mark.parametrize("count", [6, 16])
def test_a_row_does_not_depend_on_others_on_its_place_or_on_who_shares_its_prompt(
    network: Network, prompts: list[NDArray[np.int64]], count: int
) -> None:
    """In 18 rows at most, and in 48, of which many are one wide product."""
    prompts = prompts[:count]
    with one_thread():
        expected = [alone(network, prompts, number) for number in range(len(prompts))]
        late = 42 // len(prompts)  # steps between the first tokens of two prompts
        rows = [(number, late * number) for number in range(len(prompts))]
        cache, opened = Cache(3 * len(prompts)), list[list[int]]()
        for step in range(STEPS + late * len(prompts)):
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


def test_a_wide_product_has_the_bits_of_its_tiles(
    network: Network, prompts: list[NDArray[np.int64]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On BLAS libraries that round both alike; the others are given tiles."""
    found: list[list[Floats]] = []
    for wide in (True, False):
        if not wide:
            monkeypatch.setattr(Network, "_is_wide", lambda network, columns: False)
        cache = Cache(40)
        with one_thread():
            for row in range(40):
                network.read(prompts[row % 16], cache, row, last=True)
            found.append([network.step(np.array([token(row, step) for row in range(40)]), cache) for step in range(3)])
    assert all(map(np.array_equal, *found))
    assert 40 in network._wide


def test_a_row_writes_on_beyond_the_places_that_the_cache_began_with(
    network: Network, prompts: list[NDArray[np.int64]]
) -> None:
    with one_thread():
        alone, beside = Cache(1), Cache(2)
        network.read(prompts[0], alone, 0, last=True)
        for row in range(2):
            network.read(prompts[row], beside, row, last=True)
        one = np.empty((1, 0), np.float32)
        for step in range(PLACES + 40):
            one, both = (
                network.step(np.full(rows, token(0, step)), cache) for rows, cache in ((1, alone), (2, beside))
            )
            assert np.array_equal(one[0], both[0])
    read = np.array([*prompts[0], *(token(0, step) for step in range(PLACES + 40))])
    assert np.abs(network.read(read, Cache(1), 0, last=True)[0] - one[0]).max() < 1e-3


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


def test_numbers_are_those_of_a_seeds_stream() -> None:
    stream = np.random.Generator(np.random.Philox(7))
    numbers = uniform(7)
    assert [next(numbers) for _ in range(2 * NUMBERS + 3)] == [stream.random() for _ in range(2 * NUMBERS + 3)]


@pytest.mark.parametrize("number", [0.0, 1 - 2**-53])
def test_a_token_without_weight_is_never_drawn(number: float) -> None:
    weights = np.zeros((1, 2 * BLOCK), np.float32)
    weights[0, [5, BLOCK + 3]] = 0.1, 0.2
    assert drawn(weights, np.array([number])).tolist() == [5 if number == 0 else BLOCK + 3]
