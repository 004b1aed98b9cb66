"""Grades every draft of every strategy: whether it is right by the answer key, and how likely it is under the model."""

from collections.abc import Sequence

from msgspec.structs import replace

from redraft.agents.correction.drafts import cut_to_turn
from redraft.graders.grader import Grader
from redraft.store.trajectory import Grade, Role, Stop, Trajectory


async def grade_drafts(graders: Sequence[Grader], trajectories: Sequence[Trajectory]) -> list[Grade]:
    """Returns the grades of every turn of every trajectory, by every grader. A turn has no grade if its call failed, or
    if the budget did not suffice for the call. An unfinished draft of a search has no grade either."""
    drafts = [
        (trajectory, cut_to_turn(trajectory, turn))
        for trajectory in trajectories
        for turn in range(1, trajectory.turn + 1)
    ]
    ended = [(trajectory, draft) for trajectory, draft in drafts if not _is_unwritten(draft)]
    grades: list[Grade] = []
    for grader in graders:
        judged = await grader([draft for _, draft in ended])
        grades += [
            _addressed_to_draft(grade, trajectory, draft)
            for (trajectory, draft), grade in zip(ended, judged, strict=True)
        ]
    return grades


def _addressed_to_draft(grade: Grade, trajectory: Trajectory, draft: Trajectory) -> Grade:
    """Returns the grade with the id of the whole trajectory and the number of this turn."""
    if grade.trajectory_id == trajectory.trajectory_id and grade.turn == draft.turn:
        return grade
    return replace(grade, trajectory_id=trajectory.trajectory_id, turn=draft.turn)


def _is_unwritten(draft: Trajectory) -> bool:
    if draft.role is not Role.SAMPLE and draft.answer is None and draft.stop in OPEN:
        return True
    return draft.stop is Stop.FAILED or (draft.stop is Stop.BUDGET and not draft.draft())


OPEN = (None, Stop.DEAD_END, Stop.BUDGET)
"""The stops of a trajectory that a search left unfinished."""
