"""The drafts of a path, each as it stood when its turn had ended."""

from collections.abc import Iterator
from dataclasses import replace

from redraft.store.records import Role, Stop, Trajectory

UNENDED = frozenset({Stop.FAILED, Stop.BUDGET, Stop.LENGTH, Stop.DEAD_END})
"""How a draft stopped that did not end by itself."""


def cut(path: Trajectory, turn: int) -> Trajectory:
    """The path as it stood when the draft of one turn had ended. It keeps the sample's number and role."""
    if turn == path.turn:
        return path
    return replace(
        path,
        steps=tuple(step for step in path.steps if step.turn <= turn),
        stop=path.stops[turn - 1],
        stops=path.stops[: turn - 1],
        answer=path.answers[turn - 1],
        answers=path.answers[: turn - 1],
        grades=tuple(grade for grade in path.grades if grade.turn <= turn),
        reason=None,
    )


def written(path: Trajectory) -> Iterator[Trajectory]:
    """The path at the end of each turn whose draft was written to an answer, the first turn first. Where a call failed
    after that, or a budget ended, the draft stands."""
    for turn in range(1, path.turn + 1):
        draft = cut(path, turn)
        if draft.answer is not None and draft.draft():
            yield replace(draft, stop=Stop.ANSWERED, reason=None) if draft.stop in UNENDED else draft


def moved(path: Trajectory, role: Role, sample: int) -> Trajectory:
    """The path in another role and of another sample, nobody's pick, and what graders said of it with it."""
    there = replace(path, role=role, sample=sample, chosen=False)
    return replace(there, grades=tuple(replace(grade, trajectory_id=there.trajectory_id) for grade in path.grades))
