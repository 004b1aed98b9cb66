"""RISE's message (Qu et al. 2024): every draft is called wrong."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark, wording
from redraft.llm.client.client import Client
from redraft.store.trajectory import Trajectory


def fixed(client: Client | None = None) -> Feedback:
    """Says of every draft that its answer is wrong, in the words of feedback `oracle`, but without reading the key.

    RISE shows the last two drafts only (`policy.window=2`) and votes over the turns (`pick=majority`).
    """
    text = wording(client, "is_wrong")

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        return [Remark(text, "fixed") for _ in trajectories]

    return remark
