"""Feedback from the key: the upper bound of what feedback can do, since it stops at the right answer."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark
from redraft.graders.equivalence import Checker
from redraft.graders.oracle import oracle as known_answer
from redraft.store.records import Grade, Keyring, Trajectory, Verdict


def oracle(keys: Keyring, *, checker: Checker | None = None) -> Feedback:
    """Says that the answer is wrong when the key says so. A right answer, or one that the key cannot decide, ends
    the trajectory. Reading the key counts as using an oracle. A `checker`
    that is given is shared."""
    judge = known_answer(keys, checker=checker)

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        return [_remark(grade) for grade in await judge(trajectories)]

    return remark


def _remark(grade: Grade) -> Remark | None:
    return Remark(IS_WRONG, "oracle") if grade.verdict is Verdict.WRONG else None


IS_WRONG = "The answer is wrong. Solve the problem again."
