"""The protocol of every feedback: what is said to a writer after a draft, so that it solves the problem again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.llm.prompts.templates import TEMPLATES, fill
from redraft.store.records import Step, Trajectory


@dataclass(frozen=True, slots=True)
class Remark:
    """What is said, and who says it: it becomes a Step `by` that name, and opens the next turn.

    `keep` is how many steps of the judged draft stand: the next draft begins with them. A `text` that is empty asks for
    an independent draft: its writer is shown the question only.
    """

    text: str
    by: str
    keep: int = 0  # steps, from the draft's first


class Feedback(Protocol):
    """Looks at the current draft of each trajectory of one problem: a remark for each, in the same order, or None
    where there is nothing to say, which ends that trajectory.

    Where a model that it asks gave no answer, its ModelError stands in the remark's place, or is raised and holds for
    all of them: a failed call is never a remark, nor a verdict. A fatal one is always raised.
    """

    async def __call__(self, trajectories: Sequence[Trajectory], /) -> Sequence[Remark | ModelError | None]: ...


def wording(client: Client | None, name: str, **parts: str) -> str:
    """A template as the client's run words it, its places filled; redraft's own wording without a client."""
    template = TEMPLATES[name].text if client is None else client.template(name)
    return fill(template, **parts) if parts else template


def line_number(steps: Sequence[Step], index: int) -> int:
    """The number of the line, from 1, with which a step of a draft begins. Blank lines are not counted."""
    before = "".join(step.text for step in steps[:index])
    return 1 + sum(bool(line.strip()) for line in before.split("\n")[:-1])
