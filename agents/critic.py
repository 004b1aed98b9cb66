"""The protocol of every critic: whether to go on with a draft."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from redraft.store.records import Trajectory


class Opinion(StrEnum):
    """What a critic makes of a draft."""

    GO_ON = "go on"  # not finished, or not right yet
    FINISHED = "finished"  # done: keep it as it is
    HOPELESS = "hopeless"  # further work would be wasted


@dataclass(frozen=True, slots=True)
class Critique:
    """A critic's opinion. `advice` is for whoever writes the next part; `reason` says why, in words."""

    opinion: Opinion
    advice: str = ""
    reason: str = ""


class Critic(Protocol):
    """Looks at a path's current draft. Raises ModelError where its model gave no answer: a failed call is never an
    opinion."""

    async def __call__(self, trajectory: Trajectory, /) -> Critique: ...


async def go_on(trajectory: Trajectory) -> Critique:
    """The critic who has nothing against any draft: critic `none`."""
    return GO_ON


GO_ON = Critique(Opinion.GO_ON)
