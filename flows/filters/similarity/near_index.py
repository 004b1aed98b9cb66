"""An index of texts that finds texts with many word shingles in common."""

import math
from array import array
from collections.abc import Iterator, Sized
from importlib import import_module
from typing import Any

from redraft.flows.filters.similarity.index import Match
from redraft.flows.filters.similarity.words import split_words

FEW = 48  # up to this many texts are compared one by one, without hashes
MOST_HASHES = 512  # the maximum number of hashes of a text, 4 bytes each
LONGEST_BAND = 32
MARGIN = 0.07  # three standard deviations of the Jaccard estimate from the fewest hashes that a threshold may get
SEED = 42


class NearTexts:
    """Finds the first text whose Jaccard similarity is at least `least`: the number of shingles that both texts have,
    divided by the number that either text has. A shingle is `words` consecutive words; case and punctuation are
    ignored.

    If the index has few texts, all are compared. Otherwise MinHash and locality-sensitive hashing (Broder 1997; rensa)
    select the texts to compare. A text with a similarity of `least` is found with a probability of at least 0.95, and a
    more similar text almost surely. Each match is verified with the shingles themselves. The index needs 8 bytes per
    shingle, and 4 kilobytes per text.
    """

    def __init__(self, least: float, words: int) -> None:
        self._least, self._words = least, words
        self._names: list[str] = []
        self._shingles: list[array[int]] = []  # the hashes of each text's shingles
        self._few: list[set[str]] = []
        self._bands: _Bands | None = None

    def read(self, text: str) -> set[str]:
        """Returns the shingles of a text. A text with fewer words than a shingle is one shingle."""
        return shingles(text, self._words)

    def add(self, name: str, read: set[str]) -> None:
        self._names.append(name)
        if self._bands:
            self._hash(read, self._bands)
            return
        self._few.append(read)
        if len(self._few) == FEW:
            self._bands = _Bands(self._least)
            for few in self._few:
                self._hash(few, self._bands)
            self._few = []

    def find(self, read: set[str]) -> Match | None:
        if not self._bands:
            others = enumerate(_jaccard(len(read & other), read, other) for other in self._few)
        else:
            own = set(map(hash, read))
            others = ((number, self._jaccard(own, number)) for number in self._bands.near(read))
        found = next(((number, near) for number, near in others if near >= self._least), None)
        return found and Match(self._names[found[0]], f"Jaccard {found[1]:.2f}")

    def _hash(self, read: set[str], bands: "_Bands") -> None:
        self._shingles.append(array("q", map(hash, read)))
        bands.add(read)

    def _jaccard(self, own: set[int], number: int) -> float:
        other = self._shingles[number]
        return _jaccard(len(own.intersection(other)), own, other)


class _Bands:
    """The MinHashes of texts, and an index of the texts whose hashes are equal in at least one band."""

    def __init__(self, least: float) -> None:
        self._rensa: Any = import_module("rensa")  # rensa has no type annotations
        self._least = least
        bands, rows = _bands(least)
        self._hashes = bands * rows
        self._texts: list[Any] = []
        self._index = self._rensa.RMinHashLSH(least, self._hashes, bands)
        self._latest: tuple[set[str], Any] = (set(), None)

    def add(self, read: set[str]) -> None:
        hashed = self._hash(read)
        self._index.insert(len(self._texts), hashed)
        self._texts.append(hashed)

    def near(self, read: set[str]) -> Iterator[int]:
        """Yields the indices of the texts that may be similar, in ascending order."""
        own = self._hash(read)
        for number in sorted(self._index.query(own)):
            if self._texts[number].jaccard(own) > self._least - MARGIN:
                yield number

    def _hash(self, read: set[str]) -> Any:
        if self._latest[0] is not read:  # reused if the same text is searched and then added
            hashed = self._rensa.RMinHash(self._hashes, SEED)
            hashed.update(list(read))
            self._latest = read, hashed
        return self._latest[1]


def _jaccard(shared: int, one: Sized, other: Sized) -> float:
    return shared / max(len(one) + len(other) - shared, 1)


def shingles(text: str, words: int) -> set[str]:
    """Returns the distinct sequences of `words` consecutive words in a text."""
    found = split_words(text, signs=True)
    if len(found) <= words:
        return {" ".join(found)} if found else set()
    return set(map(" ".join, zip(*(found[start:] for start in range(words)), strict=False)))


def _bands(least: float) -> tuple[int, int]:
    """Returns a pair of the number of bands and the hashes per band. They find a text at the threshold with a
    probability of at least 0.95, which is 1 - (1 - least^rows)^bands. Among the pairs with at most MOST_HASHES hashes,
    the longest bands are chosen, because they select the fewest dissimilar texts."""
    for rows in range(LONGEST_BAND, 1, -1):
        bands = math.ceil(math.log(0.05) / math.log1p(-(least**rows))) if least < 1 else 1
        if bands * rows <= MOST_HASHES:
            return bands, rows
    return MOST_HASHES, 1
