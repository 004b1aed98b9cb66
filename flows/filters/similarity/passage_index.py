"""An index of texts by the runs of words that they contain."""

from redraft.flows.filters.similarity.index import Match
from redraft.flows.filters.similarity.words import split_words

SHORTEST = 8  # words of the shortest text that can be found in a longer text


class SharedPassages:
    """Finds a text that shares a run of `words` words, without regard to capitals and punctuation. A shorter text in
    the index is found as a whole: anywhere if it has at least 8 words, otherwise only if the other text is equal.
    Memory: about 150 bytes a word of the texts in the index."""

    def __init__(self, words: int) -> None:
        self._words = words
        self._texts: dict[int, dict[str, str]] = {}  # by the number of words in a run: the first text with each run
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
    """Returns all runs of so many words, in order."""
    return [" ".join(words[start : start + size]) for start in range(len(words) - size + 1)]
