"""The protocol of every agent, and the type of the observer that is called with each draft."""

from collections.abc import Callable
from typing import Protocol

from redraft.store.errors import PartError
from redraft.store.problems import Question
from redraft.store.trajectory import Trajectory

Watch = Callable[[Trajectory], None]
"""A function that is called with each trajectory that has a new draft. If the strategy grades drafts, the call follows
the grade, and `score` is set."""


class Agent(Protocol):
    """Solves one question. Returns every explored trajectory, best first; at most one of them has `chosen` set.

    A failed call is a trajectory with `stop = failed` and a `reason`. Raises only fatal ModelErrors, which every other
    question would meet too.
    """

    async def __call__(self, question: Question, /) -> list[Trajectory]: ...


def at_least_one(**counts: int) -> None:
    """Raises PartError for a count below 1. The message names the count's keyword."""
    for name, count in counts.items():
        if count < 1:
            raise PartError(f"{name}={count} is too few; it must be at least 1")
