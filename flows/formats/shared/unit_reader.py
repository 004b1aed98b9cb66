"""What a store has of the units or problems of the candidates, read beside them in the same order."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from redraft.flows.filters.sifting.candidates import Candidate

Found = TypeVar("Found")


class Alongside(Generic[Found]):
    """Finds what belongs to a key among pairs that are in the order of the candidates, so that memory holds one of
    them. Every key that is asked for must be among the pairs."""

    def __init__(self, pairs: Iterator[tuple[str, Found]]) -> None:
        self._pairs = pairs
        self._last: tuple[str, Found] | None = None

    def of(self, key: str) -> Found:
        """Returns what belongs to a key. It is the same object until another key is asked for."""
        while self._last is None or self._last[0] != key:
            self._last = next(self._pairs)
        return self._last[1]


def unit_of(candidate: Candidate) -> str:
    """Returns the unit that drew a candidate."""
    return candidate.trajectory_id.replace("/", ":").partition(":")[0]
