"""Feedback from the model's own log-probabilities: the remark names the first step that the model found unlikely."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark, line_number, wording
from redraft.llm.client.client import Client
from redraft.store.trajectory import Step, Trajectory


def likelihood(client: Client | None = None, *, threshold: float = -0.2) -> Feedback:
    """Names the first step whose mean log-probability per token (natural logarithm, at most 0) is below `threshold`.

    There is no remark if no step is below `threshold`, or if the model returns no log-probabilities. Line numbers do
    not count blank lines.
    """

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        lines = [_first_doubtful_line(trajectory.draft(), threshold) for trajectory in trajectories]
        return [Remark(wording(client, "doubtful", line=str(line)), "likelihood") if line else None for line in lines]

    return remark


def _first_doubtful_line(steps: Sequence[Step], threshold: float) -> int | None:
    """Returns the number, from 1, of the line with which the first doubtful step begins. Returns None if no step is
    doubtful."""
    for index, step in enumerate(steps):
        if step.logprob is not None and step.logprob < threshold * max(1, step.tokens):
            return line_number(steps, index)
    return None
