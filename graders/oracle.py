"""The oracle compares each answer with the problem's key. It is meant for measuring. An agent that sees the oracle's
grades has in effect seen the key, so every trajectory of that unit is marked `oracle_used`. Code is right if it passes
the key's tests. Free text is judged by the key's rubric, as by the grader `judge`."""

from collections.abc import Sequence
from dataclasses import dataclass

from redraft.graders.answers.checker import Checker
from redraft.graders.answers.verify import ORACLE, plain_ruling, verify
from redraft.graders.grader import Grader
from redraft.graders.judge import NAME as JUDGE
from redraft.graders.judge import judged
from redraft.graders.ruling import VALUES, Ruling
from redraft.llm.client.client import Client
from redraft.llm.gather import gather
from redraft.store.problems import Keyring, Kind
from redraft.store.trajectory import Grade, Stop, Trajectory


@dataclass(frozen=True, slots=True)
class Oracle:
    """The grader that `oracle` returns. Its processes end with `close`, or when the program ends."""

    keys: Keyring
    checker: Checker
    client: Client | None = None

    async def __call__(self, trajectories: Sequence[Trajectory]) -> list[Grade]:
        """Returns one grade for each trajectory: 1.0 for a right answer, 0.0 for a wrong or missing answer. The grade
        has a reason instead of a value if the trajectory failed, the key is missing, or the comparison is undecided."""
        asked: dict[tuple[str, str | None], Trajectory] = {}
        for trajectory in trajectories:
            if trajectory.stop is not Stop.FAILED:
                asked.setdefault(_ruling_key(trajectory), trajectory)
        keys = {place: self.keys.open(trajectory.question) for place, trajectory in asked.items()}
        known = {place: self._plain_ruling(keys[place], trajectory) for place, trajectory in asked.items()}
        left = [place for place, ruling in known.items() if ruling is None]
        found = await gather(self._ruled(keys[place], asked[place]) for place in left)
        rulings = known | dict(zip(left, found, strict=True))
        return [self._grade(trajectory, rulings.get(_ruling_key(trajectory))) for trajectory in trajectories]

    async def close(self) -> None:
        await self.checker.close()

    def _plain_ruling(self, key: str | None, trajectory: Trajectory) -> Ruling | None:
        """Returns the ruling if it is known without waiting, otherwise None. Most rulings need no waiting, and a task
        would take more time than the ruling."""
        kind = trajectory.question.kind
        return None if kind is Kind.RUBRIC else plain_ruling(key, trajectory.answer, kind, self.checker)

    async def _ruled(self, key: str | None, trajectory: Trajectory) -> Ruling:
        question = trajectory.question
        if question.kind is not Kind.RUBRIC:
            return await verify(key, trajectory.answer, question.kind, self.checker)
        judgement = next((g for g in trajectory.grades if g.grader == JUDGE and g.turn == trajectory.turn), None)
        if judgement is None and self.client is not None:
            judgement = await judged(self.client, key, trajectory)
        if judgement is None or judgement.verdict is None:
            return await verify(key, trajectory.answer, question.kind, self.checker)
        return Ruling(judgement.verdict, judgement.reason)

    def _grade(self, trajectory: Trajectory, ruling: Ruling | None) -> Grade:
        if ruling is None or trajectory.stop is Stop.FAILED:
            reason = f"the trajectory failed: {trajectory.reason or 'no reason was given'}"
            return Grade(ORACLE, trajectory.trajectory_id, trajectory.turn, reason=reason)
        return Grade(
            ORACLE,
            trajectory.trajectory_id,
            trajectory.turn,
            value=VALUES[ruling.verdict],
            verdict=ruling.verdict,
            reason=ruling.reason,
        )


def _ruling_key(trajectory: Trajectory) -> tuple[str, str | None]:
    """Returns the key under which a trajectory's ruling is shared. Equal answers to a question share a ruling; each
    free text has its own."""
    free = trajectory.question.kind is Kind.RUBRIC
    return (trajectory.place if free else trajectory.question.problem_id, trajectory.answer)


def oracle(
    keys: Keyring,
    limit_s: float = 5.0,
    workers: int = 2,
    checker: Checker | None = None,
    client: Client | None = None,
) -> Grader:
    """Grades an answer by the problem's key: exactly for numbers, choices and text, by Math-Verify for LaTeX, by the
    key's tests for code. If the key is a rubric, the oracle uses the grade that `judge` gave the draft, or else asks
    the `client`'s model.

    `limit_s` is the time limit of one comparison in seconds, and `workers` the maximum number of processes that
    compare. If `checker` is given, it is shared with the caller, who closes it, and its own limits apply.
    """
    return Oracle(keys, checker or Checker(limit_s, workers), client)
