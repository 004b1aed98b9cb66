"""The protocol of every agent, and what strategies are told by those who run them."""

from collections.abc import Callable
from typing import Protocol

from redraft.store.errors import PartError
from redraft.store.records import Question, Trajectory

Watch = Callable[[Trajectory], None]
"""Told of each trajectory that has a new draft, once the draft is graded (its `score`) where something grades it."""


class Agent(Protocol):
    """Solves one question: everything that was explored, best first, at most one of it `chosen`.

    A call that failed is a trajectory with `stop = failed` and its reason. Raises only fatal ModelErrors, which every
    other question would meet too.
    """

    async def __call__(self, question: Question, /) -> list[Trajectory]: ...


def at_least_one(**counts: int) -> None:
    """Raises PartError for a count below 1."""
    for name, count in counts.items():
        if count < 1:
            raise PartError(f"{name}={count} is too few; it must be at least 1")
