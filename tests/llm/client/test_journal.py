"""Ranges of sample numbers."""

import pytest

from redraft.llm.client.journal import contiguous_ranges, split_range


@pytest.mark.parametrize(
    ("numbers", "ranges"),
    [
        ([], []),
        ([4], [range(4, 5)]),
        ([0, 1, 2, 5, 6], [range(3), range(5, 7)]),
        ([1, 3, 5], [range(1, 2), range(3, 4), range(5, 6)]),
    ],
)
def test_rising_numbers_are_grouped(numbers: list[int], ranges: list[range]) -> None:
    assert list(contiguous_ranges(numbers)) == ranges


@pytest.mark.parametrize(("size", "lengths"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (9, [7])])
def test_a_range_is_split_without_loss(size: int, lengths: list[int]) -> None:
    pieces = split_range(range(10, 17), size)
    assert [len(piece) for piece in pieces] == lengths
    assert [number for piece in pieces for number in piece] == list(range(10, 17))
    assert split_range(range(5, 5), size) == []
