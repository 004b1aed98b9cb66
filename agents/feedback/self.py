"""Self-Refine (Madaan et al. 2023): the model reviews its own draft, and its writer is shown the review."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark
from redraft.agents.feedback.model_feedback import ask_about_each, objection, require_chat_model, review
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.store.trajectory import Trajectory


def self(client: Client, *, leading: bool = False, temperature: float = 0.7) -> Feedback:
    """Gives the review that the model writes of its own draft; gives no remark if the review ends with "It is correct".

    With `leading`, the prompt states that there is an error, as the paper's prompt for arithmetic does. Such a prompt
    biases the answer, so `leading` is off by default. `temperature` is the temperature of the review; the default is
    the paper's. If a model was trained to judge line by line, it is asked to judge each line, and the writer reads
    which line is the first wrong line. A failed call is no verdict. Raises PartError for `leading` with a model that
    knows only prompt forms of its own.
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
