"""Feedback from a process reward model (PRM), or any grader that grades steps: the remark names the first doubtful
step."""

from collections.abc import Sequence

from redraft.agents.feedback.feedback import Feedback, Remark, line_number, wording
from redraft.graders.grader import Grader
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.store.errors import PartError
from redraft.store.trajectory import Grade, Trajectory


def prm(grader: Grader, client: Client | None = None, *, threshold: float) -> Feedback:
    """Names the first step whose value is below `threshold`. The next draft begins with the steps before it.

    There is no remark if no step is doubtful. A step without a value is not doubtful. `threshold` is in the grader's
    own unit: a probability for most graders, a log-probability for `likelihood`. The feedback raises PartError if the
    grader gives no step values. If the grader could not grade a draft, the draft's trajectory fails.
    """

    async def remark(trajectories: Sequence[Trajectory]) -> list[Remark | ModelError | None]:
        grades = await grader(trajectories)
        return [said(trajectory, grade) for trajectory, grade in zip(trajectories, grades, strict=True)]

    def said(trajectory: Trajectory, grade: Grade) -> Remark | ModelError | None:
        draft = trajectory.draft()
        if grade.value is None and not grade.steps:
            return ModelError(f"The steps could not be graded: {grade.reason or 'the grader gave no reason'}.")
        if len(grade.steps) != len(draft):
            raise PartError(
                f"feedback 'prm' needs a value for each step, and grader {grade.grader!r} gave {len(grade.steps)} for"
                f" {len(draft)} steps: set feedback.grader to one that has them, as likelihood does"
            )
        doubtful = (at for at, value in enumerate(grade.steps) if value is not None and value < threshold)
        first = next(doubtful, None)
        if first is None:
            return None
        return Remark(wording(client, "doubtful", line=str(line_number(draft, first))), "prm", keep=first)

    return remark
