"""The protocol of every feedback: the remark that a model gets after a draft, before it solves the problem again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.llm.prompts.templates import TEMPLATES, fill
from redraft.store.trajectory import Step, Trajectory


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark and its author. The remark becomes a Step with `by` set to this author, and begins the next turn.

    The next draft begins with the first `keep` steps of the judged draft. An empty `text` asks for an independent
    draft, whose writer sees only the question.
    """

    text: str
    by: str
    keep: int = 0  # the number of steps that are kept, from the first


class Feedback(Protocol):
    """Returns a list with the remark for the current draft of each trajectory, in the same order. All trajectories
    belong to one problem. None as an item ends its trajectory.

    If a call to a model fails, the item is its ModelError; a ModelError that is raised holds for all trajectories. A
    failed call is neither a remark nor a verdict. A fatal error is always raised.
    """

    async def __call__(self, trajectories: Sequence[Trajectory], /) -> Sequence[Remark | ModelError | None]: ...


def wording(client: Client | None, name: str, **parts: str) -> str:
    """Returns a prompt template of the client's run with its placeholders filled. Without a client, returns redraft's
    own template."""
    template = TEMPLATES[name].text if client is None else client.template(name)
    return fill(template, **parts) if parts else template


def line_number(steps: Sequence[Step], index: int) -> int:
    """Returns the number, from 1, of the line with which the step at `index` of a draft begins. Blank lines are not
    counted."""
    before = "".join(step.text for step in steps[:index])
    return 1 + sum(bool(line.strip()) for line in before.split("\n")[:-1])
