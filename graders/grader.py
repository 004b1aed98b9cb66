"""The protocol of all graders, and `load`, which finds a grader's factory."""

from collections.abc import Callable, Sequence
from typing import Protocol

from redraft.store.plugins.discovery import load as load_part
from redraft.store.trajectory import Grade, Trajectory


class Grader(Protocol):
    """Judges the current draft of each trajectory of one problem. Returns one grade for each trajectory, in the same
    order. If a grader cannot judge a trajectory, it returns a Grade that has a reason and no value. It never raises
    because of one bad trajectory, and never returns a failure as a score."""

    async def __call__(self, trajectories: Sequence[Trajectory]) -> list[Grade]: ...


def load(spec: str | Callable[..., Grader]) -> Callable[..., Grader]:
    """Returns the factory of a grader. `spec` is a name ("oracle"), `module:function`, `path.py:function` or a
    callable. Raises PartError if the name is unknown; the message lists the graders."""
    return load_part(spec, "grader")
