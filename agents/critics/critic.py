"""The protocol of every critic. A critic decides whether a draft is finished, is hopeless or goes on."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from redraft.store.trajectory import Grade, Trajectory, Verdict


class Opinion(StrEnum):
    """A critic's opinion of a draft."""

    GO_ON = "go on"  # not finished, or not right yet
    FINISHED = "finished"  # done: the draft is kept unchanged
    HOPELESS = "hopeless"  # further work would be wasted


@dataclass(frozen=True, slots=True)
class Critique:
    """A critic's opinion of a draft. `advice` is for the model that writes the next part of the draft; `reason`
    explains the opinion."""

    opinion: Opinion
    advice: str = ""
    reason: str = ""


def critique_grade(critique: Critique, trajectory: Trajectory) -> Grade:
    """Returns a critic's opinion of a trajectory as a grade of its last step, without a value. The verdict is `right`
    for finished, `wrong` for hopeless, and `undecided` for go on."""
    place = trajectory.steps[-1].step_id if trajectory.steps else None
    reason = ": ".join(filter(None, (str(critique.opinion), critique.advice or critique.reason)))
    verdict = VERDICTS[critique.opinion]
    return Grade(CRITIC, trajectory.trajectory_id, trajectory.turn, verdict=verdict, reason=reason, step_id=place)


class Critic(Protocol):
    """Returns its opinion of a trajectory's current draft. Raises ModelError if the critic's model did not reply,
    because a failed call is no opinion."""

    async def __call__(self, trajectory: Trajectory, /) -> Critique: ...


async def go_on(trajectory: Trajectory) -> Critique:
    """The critic `none`, which continues with every draft."""
    return GO_ON


GO_ON = Critique(Opinion.GO_ON)

CRITIC = "critic"
"""The name of the grader in grades that contain a critic's opinion."""

VERDICTS = {
    Opinion.GO_ON: Verdict.UNDECIDED,
    Opinion.FINISHED: Verdict.RIGHT,
    Opinion.HOPELESS: Verdict.WRONG,
}
