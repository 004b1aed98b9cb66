"""The protocol of every grader."""

from collections.abc import Sequence
from typing import Protocol

from redraft.store.records import Grade, Trajectory


class Grader(Protocol):
    """Judges the current draft of each trajectory of one problem: one grade each, in the same order.

    A grader that cannot tell returns a Grade with no value and a reason; it never raises for one bad trajectory, and a
    failure is never a score.
    """

    async def __call__(self, trajectories: Sequence[Trajectory]) -> list[Grade]: ...
