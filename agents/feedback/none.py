"""Intrinsic correction: nobody knows anything about the draft (Huang et al. 2023)."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark, wording
from redraft.llm.client import Client
from redraft.store.records import Trajectory


def none(client: Client | None = None) -> Feedback:
    """Always the same remark, whatever the draft."""
    text = wording(client, "may_be_wrong")

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        return [Remark(text, "none") for _ in trajectories]

    return remark
