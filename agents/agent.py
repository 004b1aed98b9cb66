"""The protocol of every agent, and the observer of its drafts."""

from collections.abc import Callable
from typing import Protocol

from redraft.store.errors import PartError
from redraft.store.problems import Question
from redraft.store.trajectory import Trajectory

Watch = Callable[[Trajectory], None]
"""Called with each trajectory that has a new draft, after the draft is graded (its `score`) if a grader grades it."""


class Agent(Protocol):
    """Solves one question: returns every explored trajectory, best first, at most one of them `chosen`.

    A failed call is a trajectory with `stop = failed` and its reason. Raises only fatal ModelErrors: errors that every
    other question would meet too.
    """

    async def __call__(self, question: Question, /) -> list[Trajectory]: ...


def at_least_one(**counts: int) -> None:
    """Raises PartError for a count below 1."""
    for name, count in counts.items():
        if count < 1:
            raise PartError(f"{name}={count} is too few; it must be at least 1")
