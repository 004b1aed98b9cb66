"""Batches of similar length."""

import random

from redraft.llm.providers.embedded.training.length_batches import MULTIPLE, TOKENS_A_STEP, length_batches


def batches(sizes: list[int], seed: int = 0, tokens: int = TOKENS_A_STEP) -> list[tuple[int, list[tuple[int, int]]]]:
    return length_batches(list(enumerate(sizes)), lambda one: one[1], random.Random(seed), tokens=tokens)


def test_every_example_is_in_one_batch_which_is_as_long_as_its_longest() -> None:
    drawn = random.Random(1)
    sizes = [drawn.randint(40, 320) for _ in range(800)]
    made = batches(sizes)
    assert sorted(one for _, rows in made for one in rows) == list(enumerate(sizes))
    for length, rows in made:
        assert length % MULTIPLE == 0
        assert 0 <= length - max(size for _, size in rows) < MULTIPLE
        assert length * len(rows) <= TOKENS_A_STEP
    assert sum(length * len(rows) for length, rows in made) < 1.1 * sum(sizes)
    lengths = [length for length, _ in made]
    assert lengths != sorted(lengths)


def test_an_example_of_more_tokens_than_a_batch_stands_alone() -> None:
    assert sorted(length for length, _ in batches([50, 50, 20, 20], tokens=40)) == [24, 24, 56, 56]


def test_another_seed_gives_other_batches_and_the_same_seed_the_same() -> None:
    sizes = [100 + number % 7 for number in range(300)]
    assert batches(sizes) == batches(sizes)
    assert batches(sizes) != batches(sizes, seed=1)
