"""Rollouts: what becomes of a prefix when a policy writes it to its end, judged by the key (Wang et al. 2024).

A rollout is a trajectory in the role of one, so that no vote and no pass@k counts it. Its first step is numbered from
FIRST on among the children of its prefix, beside those that a draft or a search has there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from redraft.graders.answers.checker import Checker
from redraft.graders.answers.verify import ORACLE, verify
from redraft.graders.ruling import VALUES, Ruling
from redraft.graders.statistics import wilson
from redraft.llm.gather import together
from redraft.store.records import Detail, Grade, Keyring, Role, Stop, Trajectory, Verdict

FIRST = 1_000_000


class Completer(Protocol):
    """A policy that writes a path to its end: `n` samples, numbered from `first`."""

    async def __call__(self, trajectory: Trajectory, /, n: int, first: int = 0) -> list[Trajectory]: ...


@dataclass(frozen=True, slots=True)
class Tally:
    """What the rollouts of one prefix came to. A failed call, a budget's end and an undecided comparison count neither
    as right nor as wrong; what was cut off, or has no answer, is wrong."""

    right: int = 0
    n: int = 0
    paths: tuple[Trajectory, ...] = ()
    reason: str | None = None  # why the last one that does not count does not

    @property
    def mean(self) -> float | None:
        """The share of right ones: the Monte-Carlo value of the prefix."""
        return self.right / self.n if self.n else None

    @property
    def detail(self) -> Detail:
        """The number with Wilson's 95% interval."""
        if not self.n:
            return Detail()
        interval = wilson(self.right, self.n)
        return Detail(n=self.n, lo=interval.low, hi=interval.high)


class Thrower:
    """Throws rollouts, each at most once, and keeps count of them."""

    def __init__(self, policy: Completer, keys: Keyring, checker: Checker) -> None:
        self._policy, self._keys, self._checker = policy, keys, checker
        self.thrown = 0

    async def ruling(self, path: Trajectory) -> Ruling:
        """Whether a finished path's answer is right."""
        if path.stop in (Stop.FAILED, Stop.BUDGET):
            return Ruling(Verdict.UNDECIDED, path.reason or f"it ended by {path.stop}")
        return await verify(self._keys.open(path.question), path.answer, path.question.kind, self._checker)

    async def throw(self, prefix: Trajectory, n: int, tally: Tally | None = None) -> Tally:
        """The tally with `n` more rollouts of a prefix. Raises fatal ModelErrors."""
        tally = tally or Tally()
        first = FIRST + len(tally.paths)
        begun = await self._policy(prefix, n, first)
        self.thrown += n
        paths = await together(self._ended(path) for path in begun)
        rulings = await together(self.ruling(path) for path in paths)
        right = sum(ruling.verdict is Verdict.RIGHT for ruling in rulings)
        wrong = sum(ruling.verdict is Verdict.WRONG for ruling in rulings)
        lost = [ruling.reason for ruling in rulings if ruling.verdict is Verdict.UNDECIDED]
        kept = tuple(_kept(path, ruling) for path, ruling in zip(paths, rulings, strict=True))
        return Tally(
            tally.right + right, tally.n + right + wrong, (*tally.paths, *kept), lost[-1] if lost else tally.reason
        )

    async def until(self, prefix: Trajectory, most: int, at_once: int, settled: Callable[[Tally], bool]) -> Tally:
        """At most `most` rollouts, in rounds of `at_once`, until a round settles what is asked. The rounds make the
        number depend on the outcomes alone, and never on timing."""
        tally = Tally()
        while len(tally.paths) < most and not settled(tally):
            tally = await self.throw(prefix, min(at_once, most - len(tally.paths)), tally)
        return tally

    async def _ended(self, path: Trajectory) -> Trajectory:
        while path.stop is None:  # a policy that writes a step a call
            [path] = await self._policy(path, 1)
        return path


def prefix_of(path: Trajectory, steps: int) -> Trajectory:
    """The path's first steps, open, in the role of a rollout."""
    return replace(
        path, steps=path.steps[:steps], role=Role.ROLLOUT, stop=None, answer=None, score=None, chosen=False,
        grades=(), reason=None,
    )  # fmt: skip


def stored(tally: Tally, before: int) -> tuple[Trajectory, ...]:
    """The rollouts that have text of their own after so many steps: others have nothing to keep."""
    return tuple(path for path in tally.paths if len(path.steps) > before)


def _kept(path: Trajectory, ruling: Ruling) -> Trajectory:
    """The rollout, with what the key says of it."""
    facts = {"value": VALUES[ruling.verdict], "verdict": ruling.verdict, "reason": ruling.reason}
    grade = Grade(ORACLE, path.trajectory_id, path.turn, **facts)
    return replace(path, oracle_used=True, grades=(grade,))
