"""Keeps drafts that do not repeat themselves."""

import re
from collections.abc import Sequence

from redraft.flows.filters.filter import Filter
from redraft.flows.filters.sifting.candidates import Candidate
from redraft.store.errors import PartError
from redraft.store.plugins.arguments import check_number

WORD = re.compile(r"\S+")
TAIL = 2_000  # the number of words at the end that are searched for a loop
LEAST = 12  # the minimum number of words of a loop, over all repetitions


def loops(*, times: int = 4, share: float = 0.2, words: int = 10) -> Filter:
    """Drops a draft that ends in a loop, and a draft that repeats too much. The time is linear in the draft's length.

    A draft ends in a loop if its last words are one passage that is repeated `times` times in a row. The loop must be
    in the last 2,000 words and have at least 12 words, and its last repetition may be incomplete. A draft repeats too
    much if more than `share` of its letters are in repeated sequences of `words` words. A sequence is repeated if it
    occurs earlier in the draft; sequences are counted from left to right without overlaps. This is the share of
    duplicate n-grams of Gopher (Rae et al. 2021, arXiv 2112.11446, table A1), as datatrove counts them. Gopher drops
    web pages with a share above 0.1 for 10 words; solutions repeat more, so the default is 0.2. With `share=1`, only
    loops at the end are checked.
    """
    if times < 2:
        raise PartError(f"loops.times={times}: a loop is at least 2 times the same")
    check_number("loops.share", share, 0.2, least=0, most=1)
    check_number("loops.words", words, 10, least=1)

    def check(candidate: Candidate) -> str | None:
        found = WORD.findall(candidate.text)
        if found and (period := _period(found[: -TAIL - 1 : -1], times)):
            passage = " ".join(found[-period:])
            return f"ends in a loop: {passage[:60]}"
        repeated = _repeated(found, words) if share < 1 else 0.0
        return f"repeats itself: {repeated:.2f} of it" if repeated > share else None

    return check


def _period(words: Sequence[str], times: int) -> int:
    """Returns the length in words of the passage that is repeated `times` times at the beginning of `words`, or 0 if
    there is none. The period of each prefix is computed by the prefix function of Knuth, Morris and Pratt."""
    borders = [0] * len(words)
    for end in range(1, len(words)):
        length = borders[end - 1]
        while length and words[end] != words[length]:
            length = borders[length - 1]
        borders[end] = length + (words[end] == words[length])
        period = end + 1 - borders[end]
        if end + 1 >= max(times * period, LEAST):
            return period
    return 0


def _repeated(words: Sequence[str], size: int) -> float:
    """Returns the share of letters that are in repeated sequences of `size` words, in [0, 1]."""
    seen: set[tuple[str, ...]] = set()
    start, repeated = 0, 0
    while start <= len(words) - size:
        run = tuple(words[start : start + size])
        if run in seen:
            repeated += sum(map(len, run))
            start += size
        else:
            seen.add(run)
            start += 1
    return repeated / max(sum(map(len, words)), 1)
