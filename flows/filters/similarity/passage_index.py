"""An index of texts that finds texts with a common sequence of words."""

from redraft.flows.filters.similarity.index import Match
from redraft.flows.filters.similarity.words import split_words

SHORTEST = 8  # the minimum number of words of a text that can be found inside a longer text


class SharedPassages:
    """Finds a text that has `words` consecutive words in common; case and punctuation are ignored. A shorter text in
    the index is only found as a whole. If it has at least 8 words, it may be part of a longer text; otherwise the other
    text must be equal. The index needs about 150 bytes per word of its texts."""

    def __init__(self, words: int) -> None:
        self._words = words
        self._texts: dict[int, dict[str, str]] = {}  # by number of words: the first text with each sequence
        self._whole: dict[str, str] = {}

    def read(self, text: str) -> list[str]:
        return split_words(text)

    def add(self, name: str, read: list[str]) -> None:
        self._whole.setdefault(" ".join(read), name)
        size = min(self._words, len(read))
        if size >= min(SHORTEST, self._words):
            known = self._texts.setdefault(size, {})
            for run in runs(read, size):
                known.setdefault(run, name)

    def find(self, read: list[str]) -> Match | None:
        if read and (name := self._whole.get(" ".join(read))):
            return Match(name, "equal")
        for size in sorted(self._texts, reverse=True):
            known = self._texts[size]
            if run := next((run for run in runs(read, size) if run in known), None):
                return Match(known[run], f'shared "{run}"')
        return None


def runs(words: list[str], size: int) -> list[str]:
    """Returns all sequences of `size` consecutive words, in order."""
    return [" ".join(words[start : start + size]) for start in range(len(words) - size + 1)]
