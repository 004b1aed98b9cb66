"""The protocol of every feedback: what is said to a writer after a draft, so that it solves the problem again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from redraft.store.records import Trajectory


@dataclass(frozen=True, slots=True)
class Remark:
    """What is said, and who says it: it becomes a Step `by` that name, and opens the next turn."""

    text: str
    by: str


class Feedback(Protocol):
    """Looks at the current draft of each trajectory of one problem: a remark for each, in the same order, or None
    where there is nothing to say, which ends that trajectory."""

    async def __call__(self, trajectories: Sequence[Trajectory], /) -> list[Remark | None]: ...
