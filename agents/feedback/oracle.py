"""Feedback from the answer key. It is the upper bound of any feedback, since it stops each trajectory at the right
answer."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark, wording
from redraft.graders.answers.checker import Checker
from redraft.graders.oracle import oracle as known_answer
from redraft.llm.client.client import Client
from redraft.store.problems import Keyring
from redraft.store.trajectory import Trajectory, Verdict


def oracle(keys: Keyring, *, checker: Checker | None = None, client: Client | None = None) -> Feedback:
    """Returns the remark that the answer is wrong if the answer key disagrees with the draft. The trajectory ends if
    its answer is right, or if the key cannot decide. Reading the key counts as using an oracle. If a `checker` is
    given, the feedback shares it with the caller."""
    judge = known_answer(keys, checker=checker, client=client)
    text = wording(client, "is_wrong")

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | None]:
        wrong = [grade.verdict is Verdict.WRONG for grade in await judge(trajectories)]
        return [Remark(text, "oracle") if told else None for told in wrong]

    return remark
