"""Intrinsic correction: nobody knows anything about the draft (Huang et al. 2023)."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark
from redraft.store.records import Trajectory


def none() -> Feedback:
    """Always the same remark, whatever the draft."""

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        return [Remark(MAY_BE_WRONG, "none") for _ in trajectories]

    return remark


MAY_BE_WRONG = "There may be an error in the solution. Check it and solve the problem again."
