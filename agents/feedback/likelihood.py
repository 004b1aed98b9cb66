"""Feedback from the model's own doubt: it points at the first step that the model found unlikely."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark
from redraft.store.records import Step, Trajectory


def likelihood(*, threshold: float = -0.2) -> Feedback:
    """Names the first step whose mean log-probability a token (natural log, at most 0) lies under `threshold`.

    With no such step, or no log-probabilities from the model, there is nothing to say. Lines are counted without
    the blank ones.
    """

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        return [_remark(trajectory.draft(), threshold) for trajectory in trajectories]

    return remark


def _remark(steps: Sequence[Step], threshold: float) -> Remark | None:
    line = 1
    for step in steps:
        if step.logprob is not None and step.logprob < threshold * max(1, step.tokens):
            return Remark(DOUBTFUL.format(line=line), "likelihood")
        line += sum(bool(part.strip()) for part in step.text.split("\n"))
    return None


DOUBTFUL = "Line {line} is doubtful. Check it and solve the problem again."
