"""Process labels by Monte Carlo: a step is worth what becomes of it (Math-Shepherd, Wang et al. 2024)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec.structs import replace

from redraft.graders.answers.checker import Checker
from redraft.graders.grader import Grader
from redraft.graders.rewards.aggregate import How, aggregate, check, trouble
from redraft.graders.rewards.monte_carlo import Completer, Tally, Thrower, prefix_of, stored
from redraft.llm.gather import together
from redraft.store.errors import PartError
from redraft.store.records import Detail, Grade, Keyring, Trajectory, Verdict

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
    """Labels each step by `rollouts` that the policy writes from its end, and the draft by their aggregate, `how`.

    A "soft" label is the share of right ones; a "hard" one is 1 where any is right, else 0. The last step of a finished
    draft has the value of its answer, and costs nothing. Each step has its number of rollouts, and Wilson's 95%
    interval of the share of right ones.

    Rollouts end early, in rounds of `at_once`, when the label is settled: a hard one by the first right answer, a soft
    one when its interval is at most `width` wide (never, where there is none). An early end of a hard label changes no
    label; that of a soft one looks at the interval several times, so that it covers a little less than 95%.

    A step of which no rollout ended has no value, with the reason. Equal prefixes share their rollouts. Reading the key
    counts as using an oracle. Raises PartError for a setting that there is not, and fatal ModelErrors.

    Args:
        rollouts: The most rollouts from the end of each step.
        labels: What a step's value is: the share of right rollouts (`soft`), or 1 if any is right (`hard`).
        width: The width of the 95% interval at which a soft label is settled, in (0, 1]; none throws all rollouts.
        at_once: The number of rollouts in a round, after which the label may be settled.
        how: How the values of steps become the draft's: product, minimum, last or mean.
    """
    check(how, "positive")
    if labels not in ("soft", "hard"):
        raise PartError(f"no labels {labels!r}; there are soft, hard")
    if rollouts < 1 or at_once < 1:
        raise PartError(f"rollouts={rollouts} and at_once={at_once} must be at least 1")
    thrower = Thrower(policy, keys, checker or Checker())
    settled = _settled(labels, width)
    rounds = at_once if labels == "hard" or width is not None else rollouts

    async def tally(prefix: Trajectory) -> Tally:
        return await thrower.until(prefix, rollouts, rounds, settled)

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        judged = [path for path in trajectories if trouble(path) is None]
        known = [path for path in judged if keys.open(path.question) is not None]
        prefixes = {prefix.place: prefix for path in known for prefix in _prefixes(path)}
        found = await together(tally(prefix) for prefix in prefixes.values())
        tallies = dict(zip(prefixes, found, strict=True))
        rulings = await together(_last(thrower, path) for path in known)
        ends = {path.trajectory_id: value for path, value in zip(known, rulings, strict=True)}
        told: set[str] = set()
        return [_grade(path, tallies, ends, labels, how, told) for path in trajectories]

    return grader


def _settled(labels: str, width: float | None) -> Callable[[Tally], bool]:
    def settled(tally: Tally) -> bool:
        if labels == "hard":
            return tally.right > 0
        detail = tally.detail
        return width is not None and detail.lo is not None and detail.hi is not None and detail.hi - detail.lo <= width

    return settled


def _prefixes(path: Trajectory) -> list[Trajectory]:
    """The prefixes of a path that end with a step of its draft; a finished path's whole is none."""
    before = len(path.steps) - len(path.draft())
    ends = range(before + 1, len(path.steps) + (path.stop is None))
    return [prefix_of(path, end) for end in ends]


async def _last(thrower: Thrower, path: Trajectory) -> float | None:
    """The value of a finished path's answer; None where it is unfinished or undecided."""
    if path.stop is None:
        return None
    verdict = (await thrower.ruling(path)).verdict
    return {Verdict.RIGHT: 1.0, Verdict.WRONG: 0.0}.get(verdict)


def _grade(
    path: Trajectory,
    tallies: Mapping[str, Tally],
    ends: Mapping[str, float | None],
    labels: str,
    how: How,
    told: set[str],
) -> Grade:
    """A path's grade. The rollouts of a prefix are in the grade of the first path that has it."""
    empty = Grade(NAME, path.trajectory_id, path.turn)
    if reason := trouble(path):
        return replace(empty, reason=reason)
    if path.trajectory_id not in ends:
        return replace(empty, reason="the key of this problem is not known")
    values: list[float | None] = []
    details: list[Detail] = []
    thrown: list[Trajectory] = []
    reason = None
    for number, prefix in enumerate(_prefixes(path), start=1):
        tally = tallies[prefix.place]
        values.append(_label(tally, labels))
        details.append(tally.detail)
        if tally.mean is None:
            reason = reason or f"step {number}: no rollout of {len(tally.paths)} counts ({tally.reason})"
        if prefix.place not in told:
            told.add(prefix.place)
            thrown += stored(tally, len(prefix.steps))
    if path.stop is not None:
        values.append(ends[path.trajectory_id])
        details.append(Detail())
        if values[-1] is None:
            reason = reason or f"the draft's own answer could not be judged ({path.reason or path.stop})"
    whole = [value for value in values if value is not None]
    return replace(
        empty,
        value=aggregate(whole, how) if reason is None else None,
        steps=tuple(values),
        details=tuple(details),
        reason=reason,
        rollouts=tuple(thrown),
    )


def _label(tally: Tally, labels: str) -> float | None:
    if tally.mean is None or labels == "soft":
        return tally.mean
    return 1.0 if tally.right else 0.0
