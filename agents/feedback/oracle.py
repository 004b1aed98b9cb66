"""Feedback from the key: the upper bound of any feedback, since it stops at the right answer."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark, wording
from redraft.graders.answers.checker import Checker
from redraft.graders.oracle import oracle as known_answer
from redraft.llm.client.client import Client
from redraft.store.problems import Keyring
from redraft.store.trajectory import Trajectory, Verdict


def oracle(keys: Keyring, *, checker: Checker | None = None, client: Client | None = None) -> Feedback:
    """Says that the answer is wrong if the key says so. A right answer, or an answer that the key cannot decide, ends
    the trajectory. Reading the key counts as using an oracle. If a `checker` is given, the feedback shares it with the
    caller."""
    judge = known_answer(keys, checker=checker, client=client)
    text = wording(client, "is_wrong")

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        wrong = [grade.verdict is Verdict.WRONG for grade in await judge(trajectories)]
        return [Remark(text, "oracle") if told else None for told in wrong]

    return remark
