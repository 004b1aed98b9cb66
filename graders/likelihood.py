"""A grader by the log-probability that the writing model assigned to its own draft. It makes no call."""

from collections.abc import Sequence
from typing import Literal

from redraft.graders.grader import Grader
from redraft.store.trajectory import Grade, Stop, Trajectory

NAMES = ("likelihood", "likelihood_sum")
"""The names of graders whose values are logarithms."""


def likelihood(reduce: Literal["mean", "sum"] = "mean", *, by_steps: bool = True) -> Grader:
    """Grades a draft by its mean log-probability per token (the grader "likelihood"), or by the sum ("likelihood_sum").

    Values are natural logarithms, at most 0, under the model's distribution at temperature 1. With `by_steps`, each
    step also has its own mean or sum. If a step has no log-probability, the grade has a reason instead of a value. The
    sum prefers short drafts. Raises ValueError for an unknown `reduce`.

    Args:
        reduce: How the log-probabilities of the tokens are combined: `mean` or `sum`.
        by_steps: Whether each step also gets a value.
    """
    if reduce not in ("mean", "sum"):
        raise ValueError(f"no reduce {reduce!r}; there are mean, sum")
    name, mean = NAMES[reduce == "sum"], reduce == "mean"

    def grade(trajectory: Trajectory) -> Grade:
        place = (name, trajectory.trajectory_id, trajectory.turn)
        if trajectory.stop is Stop.FAILED:
            return Grade(*place, reason=f"the trajectory failed: {trajectory.reason or 'no reason was given'}")
        draft = trajectory.draft()
        known = [step.logprob for step in draft if step.logprob is not None]
        if len(known) < len(draft):
            return Grade(*place, reason=f"{len(draft) - len(known)} of {len(draft)} steps have no log-probability")
        counts = [step.tokens for step in draft]
        total, tokens = sum(known), sum(counts)
        if not tokens:
            return Grade(*place, reason="the draft has no tokens")
        steps: Sequence[float | None] = known if by_steps else ()
        if by_steps and mean:
            steps = [logprob / count if count else None for logprob, count in zip(known, counts, strict=True)]
        return Grade(*place, value=total / tokens if mean else total, steps=tuple(steps))

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [grade(trajectory) for trajectory in trajectories]

    return grader
