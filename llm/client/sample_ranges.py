"""Ranges of sample numbers."""

from collections.abc import Iterable, Iterator


def split_range(samples: range, size: int) -> list[range]:
    """Splits a range into pieces of `size`; the last piece may be shorter."""
    return [samples[start : start + size] for start in range(0, len(samples), size)]


def contiguous_ranges(numbers: Iterable[int]) -> Iterator[range]:
    """Groups rising numbers into contiguous ranges: 0 1 2 5 6 becomes 0-2 and 5-6."""
    run = range(0)
    for number in numbers:
        if run and number == run.stop:
            run = range(run.start, number + 1)
            continue
        if run:
            yield run
        run = range(number, number + 1)
    if run:
        yield run
