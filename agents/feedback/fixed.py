"""RISE's message (Qu et al. 2024): every draft is called wrong, whatever it is."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark, wording
from redraft.llm.client.client import Client
from redraft.store.records import Trajectory


def fixed(client: Client | None = None) -> Feedback:
    """Always says that the answer is wrong, in the words of feedback `oracle`, and knows nothing.

    RISE shows the last two drafts only (`policy.window=2`) and votes over the turns (`pick=majority`).
    """
    text = wording(client, "is_wrong")

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        return [Remark(text, "fixed") for _ in trajectories]

    return remark
