"""Intrinsic correction: nobody but the writer knows anything about the draft."""

from collections.abc import Sequence
from typing import Literal

from redraft.agents.feedback.feedback import REVIEW, Feedback, Remark, wording
from redraft.agents.reviews import chats, review
from redraft.llm.client import Client
from redraft.llm.together import together
from redraft.store.errors import PartError
from redraft.store.records import Trajectory


def none(client: Client | None = None, *, style: Literal["score", "huang"] = "score") -> Feedback:
    """Always goes on, whatever the draft.

    "score": one remark, that there may be an error (SCoRe, Kumar et al. 2024). "huang": the writer reviews its own
    draft, and is then asked to improve it (Huang et al. 2023); its review is kept in the tree, by `REVIEW`. Raises
    PartError for a style that there is not, and for "huang" without a model that chats; the feedback raises ModelError
    where a review got no answer.
    """
    if style == "huang" and client is not None:
        chats(client, "feedback 'none' with style='huang'", "set feedback.style=score")
        return _huang(client)
    if style != "score":
        raise PartError(f"feedback 'none' has no style={style!r} here; there are score, and huang where a model chats")
    text = wording(client, "may_be_wrong")

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        return [Remark(text, "none") for _ in trajectories]

    return remark


def _huang(client: Client) -> Feedback:
    async def reviewed(trajectory: Trajectory) -> Remark | None:
        return Remark((await review(client, trajectory, "review")).text.strip(), REVIEW)

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        return await together(reviewed(trajectory) for trajectory in trajectories)

    return remark
