"""The model as its own critic: it is asked whether its draft is finished, and whether it is right."""

import re

from redraft.agents.conversation import follow_up
from redraft.agents.critic import Critic, Critique, Opinion
from redraft.llm.client import Client
from redraft.llm.model import Finish
from redraft.store.records import Trajectory


def model(client: Client) -> Critic:
    """Finished is what the model, at temperature 0, calls finished and right; everything else goes on.

    An answer with no verdict in it goes on too, and the reason says so.
    """

    async def ask(trajectory: Trajectory, name: str) -> str:
        messages = follow_up(client, trajectory, name)
        [choice] = await client.complete(trajectory.question, "critique", trajectory.place, messages, temperature=0)
        return "" if choice.finish is Finish.LENGTH else choice.text  # what was cut off holds no verdict

    async def critique(trajectory: Trajectory) -> Critique:
        finished = await ask(trajectory, "finished")
        if verdict(finished, "yes", "no") is not True:
            return Critique(Opinion.GO_ON, reason=_reason("finished", finished, "yes", "no"))
        judged = await ask(trajectory, "judge")
        if verdict(judged, "right", "wrong") is not True:
            return Critique(Opinion.GO_ON, reason=_reason("right", judged, "right", "wrong"))
        return Critique(Opinion.FINISHED, reason="The model calls its draft finished and right.")

    return critique


def verdict(text: str, good: str, bad: str) -> bool | None:
    """Which of two words the text names last; None where it names neither."""
    words = re.findall(rf"\b({good}|{bad})\b", text.lower())
    return words[-1] == good if words else None


def _reason(what: str, text: str, good: str, bad: str) -> str:
    if verdict(text, good, bad) is None:
        return f"The model was asked whether the draft is {what} and gave no verdict, {good!r} or {bad!r}."
    return f"The model says that its draft is not {what}."
