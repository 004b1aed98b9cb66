"""Intrinsic correction: the model revises its draft without information from outside."""

from collections.abc import Sequence
from typing import Literal

from redraft.agents.feedback.feedback import Feedback, Remark, wording
from redraft.agents.feedback.model_feedback import ask_about_each, require_chat_model, review
from redraft.agents.policies.messages import REVIEW
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.store.errors import PartError
from redraft.store.trajectory import Trajectory


def none(client: Client | None = None, *, style: Literal["score", "huang"] = "score") -> Feedback:
    """Asks for another draft after every draft.

    With `style=score`, the remark states that there may be an error (SCoRe, Kumar et al. 2024). With `style=huang`, the
    model reviews its own draft and is then asked to improve it (Huang et al. 2023). The review is stored in the tree as
    a step whose author is `REVIEW`. Raises PartError for an unknown style, and for `huang` if the model can't chat.

    Args:
        style: The content of the remark: a note that there may be an error (`score`), or the writer's own review of its
            draft (`huang`).
    """
    if style not in ("score", "huang"):
        raise PartError(f"feedback 'none' has no style={style!r}; there are score, huang")
    if style == "score":
        text = wording(client, "may_be_wrong")

        async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
            return [Remark(text, "none") for _ in trajectories]

        return remark

    if client is None:
        raise PartError("feedback 'none' with style='huang' asks the writer for a review: give it a client")
    require_chat_model(client, "feedback 'none' with style='huang'", "set feedback.style=score")

    async def reviewed(trajectory: Trajectory) -> Remark:
        return Remark((await review(client, trajectory, "review")).text.strip(), REVIEW)

    async def remarks(trajectories: Sequence[Trajectory]) -> list[Remark | ModelError | None]:
        return await ask_about_each(reviewed, trajectories)

    return remarks
