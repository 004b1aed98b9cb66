"""How likely the model itself found its draft: the log-probability of its tokens, which costs nothing to know."""

from collections.abc import Sequence
from typing import Literal

from redraft.graders.grader import Grader
from redraft.store.records import Grade, Stop, Trajectory

NAMES = ("likelihood", "likelihood_sum")
"""The graders whose values are logarithms."""


def likelihood(reduce: Literal["mean", "sum"] = "mean", *, by_steps: bool = True) -> Grader:
    """Grades a draft by its mean log-probability a token ("likelihood"), or by the sum ("likelihood_sum").

    Values are natural logarithms, at most 0, under the model's distribution at temperature 1; `by_steps`, each step
    has its own, reduced in the same way. No value, with a reason, where any step of the draft has no log-probability.
    The sum prefers short drafts. Raises ValueError for another `reduce`.
    """
    if reduce not in ("mean", "sum"):
        raise ValueError(f"no reduce {reduce!r}; there are mean, sum")
    name = NAMES[0] if reduce == "mean" else NAMES[1]

    def grade(trajectory: Trajectory) -> Grade:
        place = (name, trajectory.trajectory_id, trajectory.turn)
        draft = trajectory.draft()
        if trajectory.stop is Stop.FAILED:
            return Grade(*place, reason=f"the trajectory failed: {trajectory.reason or 'no reason was given'}")
        known = [(step.logprob, step.tokens) for step in draft if step.logprob is not None]
        if len(known) < len(draft):
            return Grade(*place, reason=f"{len(draft) - len(known)} of {len(draft)} steps have no log-probability")
        total, tokens = sum(logprob for logprob, _ in known), sum(count for _, count in known)
        if not tokens:
            return Grade(*place, reason="the draft has no tokens")
        mean = reduce == "mean"
        steps = [logprob / count if count else None for logprob, count in known] if mean else [p for p, _ in known]
        return Grade(*place, value=total / tokens if mean else total, steps=tuple(steps) if by_steps else ())

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [grade(trajectory) for trajectory in trajectories]

    return grader
