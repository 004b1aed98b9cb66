"""Intrinsic correction: only the writer itself knows anything about the draft."""

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

    With `style` = score the remark is that there may be an error (SCoRe, Kumar et al. 2024). With huang the writer
    reviews its own draft, and is then asked to improve it (Huang et al. 2023); the review is stored in the tree, by
    `REVIEW`. Raises PartError for an unknown style, and for huang without a model that chats.

    Args:
        style: What the remark says: that there may be an error (`score`), or the writer's own review of its draft
            (`huang`).
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
