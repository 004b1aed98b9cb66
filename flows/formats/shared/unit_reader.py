"""Reads data about the units or problems of candidates from the store, in the order of the candidates."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from redraft.flows.filters.sifting.candidates import Candidate

Found = TypeVar("Found")


class Alongside(Generic[Found]):
    """Finds the value of a key in an iterator of pairs that is in the order of the candidates. Only one pair is in
    memory. Every key that is looked up must be among the pairs."""

    def __init__(self, pairs: Iterator[tuple[str, Found]]) -> None:
        self._pairs = pairs
        self._last: tuple[str, Found] | None = None

    def of(self, key: str) -> Found:
        """Returns the value of a key. The same object is returned until another key is looked up."""
        while self._last is None or self._last[0] != key:
            self._last = next(self._pairs)
        return self._last[1]


def unit_of(candidate: Candidate) -> str:
    """Returns the id of the unit that drew a candidate."""
    return candidate.trajectory_id.replace("/", ":").partition(":")[0]
