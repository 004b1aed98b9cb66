"""The oracle: compares each answer with the problem's key. It measures; an agent that sees its grades has
seen the key, so every trajectory of that unit is marked `oracle_used`."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from redraft.graders.answers import marked
from redraft.graders.equivalence import Checker, Ruling
from redraft.graders.grader import Grader
from redraft.store.records import Grade, Keyring, Kind, Stop, Trajectory, Verdict

NAME = "oracle"
VALUES = {Verdict.RIGHT: 1.0, Verdict.WRONG: 0.0, Verdict.UNDECIDED: None}


async def judge(gold: str | None, answer: str | None, kind: Kind, checker: Checker) -> Ruling:
    """Whether an answer is right. The key may be a bare answer or a whole solution that marks its answer.

    No answer is wrong; no key, or a comparison that takes too long, is undecided, with the reason.
    """
    if gold is None or not gold.strip():
        return Ruling(Verdict.UNDECIDED, "the key of this problem is not known")
    if answer is None or not answer.strip():
        return Ruling(Verdict.WRONG, "no answer")
    if "\n" in gold or r"\boxed" in gold:
        gold = marked(gold, kind) or gold
    return await checker.equal(gold, answer, kind)


@dataclass(frozen=True, slots=True)
class Oracle:
    """The grader that `oracle` makes. `close` ends its processes; so does the end of the program."""

    keys: Keyring
    checker: Checker

    async def __call__(self, trajectories: Sequence[Trajectory]) -> list[Grade]:
        """One grade a trajectory: 1.0 for a right answer, 0.0 for a wrong or missing one, no value with a reason
        where the trajectory failed, the key is missing or the comparison could not be decided."""
        tasks: dict[tuple[str, str | None], asyncio.Task[Ruling]] = {}
        async with asyncio.TaskGroup() as group:
            for trajectory in trajectories:
                question, answer = trajectory.question, trajectory.answer
                place = (question.problem_id, answer)
                if trajectory.stop is not Stop.FAILED and place not in tasks:
                    key = self.keys.open(question)
                    tasks[place] = group.create_task(judge(key, answer, question.kind, self.checker))
        return [self._grade(t, tasks.get((t.question.problem_id, t.answer))) for t in trajectories]

    async def close(self) -> None:
        await self.checker.close()

    def _grade(self, trajectory: Trajectory, task: asyncio.Task[Ruling] | None) -> Grade:
        if task is None or trajectory.stop is Stop.FAILED:
            reason = f"the trajectory failed: {trajectory.reason or 'no reason was given'}"
            return Grade(NAME, trajectory.trajectory_id, trajectory.turn, reason=reason)
        ruling = task.result()
        return Grade(
            NAME,
            trajectory.trajectory_id,
            trajectory.turn,
            value=VALUES[ruling.verdict],
            verdict=ruling.verdict,
            reason=ruling.reason,
        )


def oracle(keys: Keyring, limit_s: float = 5.0, workers: int = 2, checker: Checker | None = None) -> Grader:
    """A grader that compares with the key: exact for numbers, choices and text, by Math-Verify for LaTeX.

    `limit_s` is the most seconds for one comparison and `workers` the most processes that compare; a `checker`
    that is given is shared, both are then its own, and whoever made it closes it.
    """
    return Oracle(keys, checker or Checker(limit_s, workers))
