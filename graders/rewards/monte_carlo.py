"""Samples rollouts: a policy completes a prefix, and the key judges the answer (Math-Shepherd, Wang et al. 2024).

A rollout is a trajectory with the role `rollout`, so votes and pass@k ignore it. The children of a prefix in the tree
are numbered. The numbers of rollouts begin at FIRST; steps of drafts and searches have lower numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from redraft.graders.answers.checker import Checker
from redraft.graders.answers.verify import ORACLE, verify
from redraft.graders.ruling import VALUES, Ruling
from redraft.graders.statistics import wilson
from redraft.llm.gather import gather
from redraft.store.problems import Keyring
from redraft.store.trajectory import Detail, Grade, Role, Stop, Trajectory, Verdict

FIRST = 1_000_000
"""The number of the first rollout among the children of a prefix."""


class Completer(Protocol):
    """A policy that continues a trajectory. A call returns `n` samples, whose numbers begin at `first`."""

    async def __call__(self, trajectory: Trajectory, /, n: int, first: int = 0) -> list[Trajectory]: ...


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of one prefix's rollouts. `n` is the number of right and wrong rollouts. A rollout is wrong if its
    answer is wrong, if it was cut off, or if it has no answer. A rollout is not counted if its call failed, if the
    budget ended, or if the comparison of its answer is undecided."""

    right: int = 0
    n: int = 0
    rollouts: tuple[Trajectory, ...] = ()
    reason: str | None = None  # why the last rollout that is not counted is undecided

    @property
    def mean(self) -> float | None:
        """Returns the fraction of right rollouts, which is the Monte Carlo value of the prefix; None if `n` is 0."""
        return self.right / self.n if self.n else None

    @property
    def detail(self) -> Detail:
        """Returns the number of rollouts, and Wilson's 95% interval of the fraction of right rollouts."""
        if not self.n:
            return Detail()
        interval = wilson(self.right, self.n)
        return Detail(n=self.n, lo=interval.low, hi=interval.high)


class RolloutSampler:
    """Samples rollouts of prefixes, judges their answers by the key and counts them."""

    def __init__(self, policy: Completer, keys: Keyring, checker: Checker) -> None:
        self._policy, self._keys, self._checker = policy, keys, checker
        self.sampled = 0

    async def ruling(self, trajectory: Trajectory) -> Ruling:
        """Returns the ruling on the answer of a finished trajectory."""
        if trajectory.stop in (Stop.FAILED, Stop.BUDGET):
            return Ruling(Verdict.UNDECIDED, trajectory.reason or f"it ended by {trajectory.stop}")
        return await verify(
            self._keys.open(trajectory.question), trajectory.answer, trajectory.question.kind, self._checker
        )

    async def sample(self, prefix: Trajectory, n: int, tally: Tally | None = None) -> Tally:
        """Samples `n` more rollouts of a prefix, and returns the tally including them. Raises fatal ModelErrors."""
        tally = tally or Tally()
        first = FIRST + len(tally.rollouts)
        drawn = await self._policy(prefix, n, first)
        self.sampled += n
        trajectories = await gather(self._finish(trajectory) for trajectory in drawn)
        rulings = await gather(self.ruling(trajectory) for trajectory in trajectories)
        right = sum(ruling.verdict is Verdict.RIGHT for ruling in rulings)
        wrong = sum(ruling.verdict is Verdict.WRONG for ruling in rulings)
        undecided = [ruling.reason for ruling in rulings if ruling.verdict is Verdict.UNDECIDED]
        graded = tuple(
            _grade_rollout(trajectory, ruling) for trajectory, ruling in zip(trajectories, rulings, strict=True)
        )
        return Tally(
            tally.right + right,
            tally.n + right + wrong,
            (*tally.rollouts, *graded),
            undecided[-1] if undecided else tally.reason,
        )

    async def sample_until(
        self, prefix: Trajectory, most: int, at_once: int, settled: Callable[[Tally], bool]
    ) -> Tally:
        """Samples at most `most` rollouts in rounds of `at_once`, and returns their tally. Sampling ends after a round
        if `settled` returns true for the tally. Each round is awaited completely, so the number of rollouts depends
        only on their results, and never on timing."""
        tally = Tally()
        while len(tally.rollouts) < most and not settled(tally):
            tally = await self.sample(prefix, min(at_once, most - len(tally.rollouts)), tally)
        return tally

    async def _finish(self, trajectory: Trajectory) -> Trajectory:
        """Returns the trajectory after the policy has completed it."""
        while trajectory.stop is None:  # a policy may write one step in each call
            [trajectory] = await self._policy(trajectory, 1)
        return trajectory


def cut_prefix(trajectory: Trajectory, steps: int) -> Trajectory:
    """Returns the first `steps` steps of a trajectory as an unfinished trajectory with the role `rollout`."""
    return replace(
        trajectory, steps=trajectory.steps[:steps], role=Role.ROLLOUT, stop=None, answer=None, score=None, chosen=False,
        grades=(), reason=None,
    )  # fmt: skip


def rollouts_with_text(tally: Tally, before: int) -> tuple[Trajectory, ...]:
    """Returns the rollouts that added a step to their prefix, which has `before` steps. Other rollouts have nothing to
    store."""
    return tuple(trajectory for trajectory in tally.rollouts if len(trajectory.steps) > before)


def _grade_rollout(trajectory: Trajectory, ruling: Ruling) -> Trajectory:
    """Returns the rollout with its grade by the key."""
    facts = {"value": VALUES[ruling.verdict], "verdict": ruling.verdict, "reason": ruling.reason}
    grade = Grade(ORACLE, trajectory.trajectory_id, trajectory.turn, **facts)
    return replace(trajectory, oracle_used=True, grades=(grade,))
