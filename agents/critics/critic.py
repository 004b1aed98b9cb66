"""The protocol of every critic: whether to go on with a draft."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from redraft.store.records import Grade, Trajectory, Verdict


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


def critique_grade(critique: Critique, trajectory: Trajectory) -> Grade:
    """A critic's opinion of a trajectory as a grade of its last step, without a value: right stands for finished, wrong
    for hopeless, undecided for go on."""
    place = trajectory.steps[-1].step_id if trajectory.steps else None
    reason = ": ".join(filter(None, (str(critique.opinion), critique.advice or critique.reason)))
    verdict = VERDICTS[critique.opinion]
    return Grade(CRITIC, trajectory.trajectory_id, trajectory.turn, verdict=verdict, reason=reason, step_id=place)


class Critic(Protocol):
    """Looks at a trajectory's current draft. Raises ModelError where its model gave no answer: a failed call is never
    an opinion."""

    async def __call__(self, trajectory: Trajectory, /) -> Critique: ...


async def go_on(trajectory: Trajectory) -> Critique:
    """The critic who has nothing against any draft: critic `none`."""
    return GO_ON


GO_ON = Critique(Opinion.GO_ON)

CRITIC = "critic"
"""The grader's name under which a critic's opinions are kept."""

VERDICTS = {
    Opinion.GO_ON: Verdict.UNDECIDED,
    Opinion.FINISHED: Verdict.RIGHT,
    Opinion.HOPELESS: Verdict.WRONG,
}
