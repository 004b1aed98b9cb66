"""RISE's fixed message (Qu et al. 2024): the remark calls every draft wrong."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark, wording
from redraft.llm.client.client import Client
from redraft.store.trajectory import Trajectory


def fixed(client: Client | None = None) -> Feedback:
    """Calls the answer of every draft wrong, in the words of feedback `oracle`, but without reading the answer key.

    RISE shows the model only its last two drafts (`policy.window=2`) and takes a majority vote over the drafts of all
    turns (`pick=majority`).
    """
    text = wording(client, "is_wrong")

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        return [Remark(text, "fixed") for _ in trajectories]

    return remark
