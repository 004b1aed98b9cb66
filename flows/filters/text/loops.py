"""Keeps drafts that do not repeat themselves."""

import re
from collections.abc import Sequence

from redraft.flows.filters.filter import Filter
from redraft.flows.filters.sifting.candidates import Candidate
from redraft.store.errors import PartError
from redraft.store.plugins.arguments import check_number

WORD = re.compile(r"\S+")
TAIL = 2_000  # words at the end in which a loop is looked for
LEAST = 12  # words of the shortest loop, all repetitions together


def loops(*, times: int = 4, share: float = 0.2, words: int = 10) -> Filter:
    """Drops a draft that ends in a loop, and a draft that repeats too much. Both take time linear in the length.

    A draft ends in a loop if its last words, at least 12 of the last 2,000, are one passage `times` times in a row; the
    last repetition may be incomplete. It repeats too much if more than `share` of its letters are in runs of `words`
    words that stand earlier in it, counted from the left without overlaps (duplicate n-grams of Gopher, Rae et al.
    2021, arXiv 2112.11446, table A1, as datatrove counts them). Gopher drops web pages above 0.1 for 10 words;
    solutions repeat more, so 0.2 is the default. `share=1` looks at the end alone."""
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
    """Returns the length of the passage that the first words repeat so many times in a row; 0 if they repeat none. The
    words begin with their own beginning again, from each border of them on (the prefix function of Knuth, Morris and
    Pratt)."""
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
    """Returns the share of the letters that are in repeated runs of so many words."""
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
