"""The control for feedback `oracle`: independent guesses that the answer key stops, without any correction."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark
from redraft.graders.answers.checker import Checker
from redraft.graders.oracle import oracle as known_answer
from redraft.store.problems import Keyring
from redraft.store.trajectory import Trajectory, Verdict


def random(keys: Keyring, *, checker: Checker | None = None) -> Feedback:
    """Asks for an independent draft if the answer key calls the answer wrong.

    The trajectory ends if its answer is right, or if the key cannot decide. This control gains accuracy only because
    the key stops it at a right guess. If feedback `oracle` gains more than this control, the difference is due to
    correction (Huang et al. 2023). At temperature 0 all guesses are the same. Reading the key counts as using an
    oracle.
    """
    judge = known_answer(keys, checker=checker)

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        wrong = [grade.verdict is Verdict.WRONG for grade in await judge(trajectories)]
        return [Remark("", "random") if told else None for told in wrong]

    return remark
