"""The protocol of every grader, and `load`, which finds a grader's factory."""

from collections.abc import Callable, Sequence
from typing import Protocol

from redraft.store.plugins.discovery import load as load_part
from redraft.store.trajectory import Grade, Trajectory


class Grader(Protocol):
    """Judges the current draft of each trajectory of one problem, and returns one grade for each, in the same order.

    A grader that cannot tell returns a Grade with no value and a reason; it never raises for one bad trajectory, and a
    failure is never a score.
    """

    async def __call__(self, trajectories: Sequence[Trajectory]) -> list[Grade]: ...


def load(spec: str | Callable[..., Grader]) -> Callable[..., Grader]:
    """Returns the factory of a grader, given its name ("oracle"), `module:function`, `path.py:function` or a callable.

    Raises PartError for an unknown name; the message lists the graders.
    """
    return load_part(spec, "grader")
