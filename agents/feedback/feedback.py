"""The protocol of every feedback: the remark that a writer gets after a draft, so that it solves the problem again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.llm.prompts.templates import TEMPLATES, fill
from redraft.store.trajectory import Step, Trajectory


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark and its author. The remark becomes a Step `by` this author, and opens the next turn.

    `keep` is the number of steps of the judged draft with which the next draft begins. An empty `text` asks for an
    independent draft, whose writer sees only the question.
    """

    text: str
    by: str
    keep: int = 0  # steps, from the draft's first


class Feedback(Protocol):
    """Returns a remark for the current draft of each trajectory of one problem, in the same order. None in place of a
    remark ends the trajectory.

    If a call to a model fails, its ModelError stands in the remark's place, or is raised and holds for all
    trajectories: a failed call is neither a remark nor a verdict. A fatal error is always raised.
    """

    async def __call__(self, trajectories: Sequence[Trajectory], /) -> Sequence[Remark | ModelError | None]: ...


def wording(client: Client | None, name: str, **parts: str) -> str:
    """Returns a template of the client's run with its places filled; without a client, redraft's own template."""
    template = TEMPLATES[name].text if client is None else client.template(name)
    return fill(template, **parts) if parts else template


def line_number(steps: Sequence[Step], index: int) -> int:
    """Returns the number of the line, from 1, with which a step of a draft begins. Blank lines are not counted."""
    before = "".join(step.text for step in steps[:index])
    return 1 + sum(bool(line.strip()) for line in before.split("\n")[:-1])
