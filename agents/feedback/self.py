"""Self-Refine (Madaan et al. 2023): the model reviews its own draft, and the review is the feedback for its next
draft."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark
from redraft.agents.feedback.model_feedback import ask_about_each, objection, require_chat_model, review
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.store.trajectory import Trajectory


def self(client: Client, *, leading: bool = False, temperature: float = 0.7) -> Feedback:
    """Returns the model's review of its own draft as the remark. If the review ends with "It is correct", there is no
    remark.

    With `leading`, the prompt states that the draft has an error, as the paper's prompt for arithmetic does. Such a
    prompt biases the answer, so `leading` is off by default. `temperature` is the sampling temperature of the review;
    the default is the paper's. A model that was trained to judge line by line is asked to judge each line, and the
    remark names the first wrong line. A failed call is no verdict. Raises PartError if `leading` is set for a model
    that knows only the prompt forms of its training.
    """
    template = "self_feedback_leading" if leading else "self_feedback"
    if leading:
        require_chat_model(client, "feedback 'self' with leading=true", "leave feedback.leading out")

    async def asked(trajectory: Trajectory) -> Remark | None:
        choice = await review(client, trajectory, template, temperature=temperature)
        text = objection(client, choice, trajectory)
        return Remark(text, "self") if text else None

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | ModelError | None]:
        return await ask_about_each(asked, trajectories)

    return remark
