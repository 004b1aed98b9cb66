"""Feedback from another model: the critic reviews the draft, and the review is shown to the draft's writer."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark
from redraft.agents.feedback.model_feedback import ask_about_each, objection, review
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.store.trajectory import Trajectory


def critic(client: Client, *, temperature: float = 0.0) -> Feedback:
    """Returns another model's review of a draft as the remark. If the review ends with "It is correct", there is no
    remark.

    The critic sees the question and the last draft, but neither the answer key nor earlier drafts. `feedback.model`
    sets the critic's model. Without it, the critic is the writer's own model, which is not told that the draft is its
    own. A failed call is no verdict.

    Args:
        temperature: The critic's sampling temperature.
    """

    async def asked(trajectory: Trajectory) -> Remark | None:
        choice = await review(client, trajectory, "critique", temperature=temperature)
        text = objection(client, choice, trajectory)
        return Remark(text, "critic") if text else None

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | ModelError | None]:
        return await ask_about_each(asked, trajectories)

    return remark
