"""An index of texts by meaning, with embeddings by wordllama."""

import logging
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from redraft.flows.filters.similarity.index import Match
from redraft.store.errors import PartError

BLOCK = 65_536  # the number of texts per block of comparisons, 64 MB


class Meanings:
    """Finds the first text whose embedding has a cosine similarity of at least `least`. The embeddings come from
    wordllama: 256 numbers (1 kB) per text, computed from static word vectors, so word order has no effect. A text is
    compared with all others, block by block. Raises PartError if wordllama is not installed."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._names: list[str] = []
        self._vectors = np.empty((16, 256), np.float32)
        model()

    def read(self, text: str) -> np.ndarray:
        """Returns the embedding of a text, scaled to length 1. A blank text has zeros."""
        if not text.strip():
            return np.zeros(256, np.float32)
        return model().embed([text], norm=True)[0]

    def add(self, name: str, read: np.ndarray) -> None:
        if len(self._names) == len(self._vectors):
            self._vectors = np.concatenate([self._vectors, np.empty_like(self._vectors)])
        self._vectors[len(self._names)] = read
        self._names.append(name)

    def find(self, read: np.ndarray) -> Match | None:
        for start in range(0, len(self._names), BLOCK):
            cosines = self._vectors[start : min(start + BLOCK, len(self._names))] @ read
            if (number := int(np.argmax(cosines >= self._least))) or cosines[0] >= self._least:
                return Match(self._names[start + number], f"cosine {cosines[number]:.2f}")
        return None


@cache
def model() -> Any:
    """Returns wordllama's embedding model from its own package folder. Raises PartError if wordllama is not
    installed."""
    handlers, level = [*logging.root.handlers], logging.root.level
    try:
        import wordllama
    except ImportError as error:
        cure = "install redraft[meaning], as in pip install 'redraft[meaning]'"
        raise PartError(f"filters by meaning need the package wordllama, which is not installed: {cure}") from error
    finally:  # wordllama turns on the log messages of all libraries
        logging.root.handlers, logging.root.level = handlers, level
    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
