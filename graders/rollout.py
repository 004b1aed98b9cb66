"""Process labels by Monte Carlo. The value of a step is the fraction of its rollouts that end in a right answer
(Math-Shepherd, Wang et al. 2024)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec.structs import replace

from redraft.graders.answers.checker import Checker
from redraft.graders.grader import Grader
from redraft.graders.rewards.aggregate import How, aggregate, check, unjudgeable
from redraft.graders.rewards.monte_carlo import Completer, RolloutSampler, Tally, cut_prefix, rollouts_with_text
from redraft.llm.gather import gather
from redraft.store.errors import PartError
from redraft.store.problems import Keyring
from redraft.store.trajectory import Detail, Grade, Trajectory, Verdict

NAME = "rollout"


def rollout(
    policy: Completer,
    keys: Keyring,
    *,
    rollouts: int = 8,
    labels: Literal["soft", "hard"] = "soft",
    width: float | None = None,
    at_once: int = 4,
    how: How = "minimum",
    checker: Checker | None = None,
) -> Grader:
    """Labels each step by `rollouts` that the policy writes from the step's end, and the draft by the aggregate `how`
    of the labels.

    A "soft" label is the fraction of right rollouts. A "hard" label is 1 if any rollout is right, else 0. The last step
    of a finished draft has the value of the draft's answer, and needs no rollouts. The grade also has the number of
    rollouts of each step, and Wilson's 95% interval of the fraction of right rollouts.

    Rollouts are sampled in rounds of `at_once`. Sampling ends early if the label is settled after a round. A hard label
    is settled by the first right answer; this never changes the label. A soft label is settled if its interval is at
    most `width` wide; without `width` it is never settled early. If a soft label is settled early, its interval
    contains the true fraction a little less often than in 95% of cases, because the interval was tested after every
    round.

    A step has a reason instead of a value if none of its rollouts could be judged. Equal prefixes share their rollouts.
    Reading the key counts as using an oracle. Raises PartError for an unknown setting, and fatal ModelErrors.

    Args:
        rollouts: The maximum number of rollouts from the end of each step.
        labels: The value of a step: the fraction of right rollouts (`soft`), or 1 if any is right (`hard`).
        width: The width of the 95% interval at which a soft label is settled, in (0, 1]; by default no label is.
        at_once: The number of rollouts in a round, after which the label may be settled.
        how: How the draft's value is computed from the values of its steps: product, minimum, last or mean.
    """
    check(how, "positive")
    if labels not in ("soft", "hard"):
        raise PartError(f"no labels {labels!r}; there are soft, hard")
    if rollouts < 1 or at_once < 1:
        raise PartError(f"rollouts={rollouts} and at_once={at_once} must be at least 1")
    sampler = RolloutSampler(policy, keys, checker or Checker())
    settled = _settled(labels, width)
    rounds = at_once if labels == "hard" or width is not None else rollouts

    async def tally(prefix: Trajectory) -> Tally:
        return await sampler.sample_until(prefix, rollouts, rounds, settled)

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        judged = [trajectory for trajectory in trajectories if unjudgeable(trajectory) is None]
        known = [trajectory for trajectory in judged if keys.open(trajectory.question) is not None]
        prefixes = {prefix.place: prefix for trajectory in known for prefix in _prefixes(trajectory)}
        found = await gather(tally(prefix) for prefix in prefixes.values())
        tallies = dict(zip(prefixes, found, strict=True))
        rulings = await gather(_answer_value(sampler, trajectory) for trajectory in known)
        ends = {trajectory.trajectory_id: value for trajectory, value in zip(known, rulings, strict=True)}
        reported: set[str] = set()
        return [_grade(trajectory, tallies, ends, labels, how, reported) for trajectory in trajectories]

    return grader


def _settled(labels: str, width: float | None) -> Callable[[Tally], bool]:
    def settled(tally: Tally) -> bool:
        if labels == "hard":
            return tally.right > 0
        detail = tally.detail
        return width is not None and detail.lo is not None and detail.hi is not None and detail.hi - detail.lo <= width

    return settled


def _prefixes(trajectory: Trajectory) -> list[Trajectory]:
    """Returns the prefixes of a trajectory that end with a step of its draft. The whole of a finished trajectory is not
    included."""
    before = len(trajectory.steps) - len(trajectory.draft())
    ends = range(before + 1, len(trajectory.steps) + (trajectory.stop is None))
    return [cut_prefix(trajectory, end) for end in ends]


async def _answer_value(sampler: RolloutSampler, trajectory: Trajectory) -> float | None:
    """Returns the value of a trajectory's answer; None if the trajectory is unfinished or the verdict is undecided."""
    if trajectory.stop is None:
        return None
    verdict = (await sampler.ruling(trajectory)).verdict
    return {Verdict.RIGHT: 1.0, Verdict.WRONG: 0.0}.get(verdict)


def _grade(
    trajectory: Trajectory,
    tallies: Mapping[str, Tally],
    ends: Mapping[str, float | None],
    labels: str,
    how: How,
    reported: set[str],
) -> Grade:
    """Returns a trajectory's grade. If several trajectories share a prefix, only the grade of the first one has the
    prefix's rollouts."""
    empty = Grade(NAME, trajectory.trajectory_id, trajectory.turn)
    if reason := unjudgeable(trajectory):
        return replace(empty, reason=reason)
    if trajectory.trajectory_id not in ends:
        return replace(empty, reason="the key of this problem is not known")
    values: list[float | None] = []
    details: list[Detail] = []
    rollouts: list[Trajectory] = []
    reason = None
    for number, prefix in enumerate(_prefixes(trajectory), start=1):
        tally = tallies[prefix.place]
        values.append(_label(tally, labels))
        details.append(tally.detail)
        if tally.mean is None:
            reason = reason or f"step {number}: no rollout of {len(tally.rollouts)} counts ({tally.reason})"
        if prefix.place not in reported:
            reported.add(prefix.place)
            rollouts += rollouts_with_text(tally, len(prefix.steps))
    if trajectory.stop is not None:
        values.append(ends[trajectory.trajectory_id])
        details.append(Detail())
        if values[-1] is None:
            reason = reason or f"the draft's own answer could not be judged ({trajectory.reason or trajectory.stop})"
    whole = [value for value in values if value is not None]
    return replace(
        empty,
        value=aggregate(whole, how) if reason is None else None,
        steps=tuple(values),
        details=tuple(details),
        reason=reason,
        rollouts=tuple(rollouts),
    )


def _label(tally: Tally, labels: str) -> float | None:
    if tally.mean is None or labels == "soft":
        return tally.mean
    return 1.0 if tally.right else 0.0
