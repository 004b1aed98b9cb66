"""What a run measures of every draft, whatever its strategy did: right or wrong by the key, and how likely it was."""

from collections.abc import Sequence
from dataclasses import replace

from redraft.agents.correction.drafts import cut
from redraft.graders.grader import Grader
from redraft.store.records import Grade, Role, Stop, Trajectory


async def judge(graders: Sequence[Grader], paths: Sequence[Trajectory]) -> list[Grade]:
    """The grades of every turn of every path, by every grader. A turn that failed, or that a
    budget did not reach, has no draft, and no grade; nor has one that a search left unfinished."""
    drafts = [(path, cut(path, turn)) for path in paths for turn in range(1, path.turn + 1)]
    ended = [(path, draft) for path, draft in drafts if not _unwritten(draft)]
    grades: list[Grade] = []
    for grader in graders:
        judged = await grader([draft for _, draft in ended])
        grades += [_of(grade, path, draft) for (path, draft), grade in zip(ended, judged, strict=True)]
    return grades


def _of(grade: Grade, path: Trajectory, draft: Trajectory) -> Grade:
    """The grade, of this turn's draft whatever it was given for."""
    if grade.trajectory_id == path.trajectory_id and grade.turn == draft.turn:
        return grade
    return replace(grade, trajectory_id=path.trajectory_id, turn=draft.turn)


def _unwritten(draft: Trajectory) -> bool:
    if draft.role is not Role.SAMPLE and draft.answer is None and draft.stop in OPEN:
        return True
    return draft.stop is Stop.FAILED or (draft.stop is Stop.BUDGET and not draft.draft())


OPEN = (None, Stop.DEAD_END, Stop.BUDGET)
"""How what a search left unfinished may have stopped."""
