"""The earlier drafts of a trajectory: the trajectory as it was at the end of each turn."""

from collections.abc import Iterator

from msgspec.structs import replace

from redraft.store.trajectory import Role, Stop, Trajectory

UNENDED = frozenset({Stop.FAILED, Stop.BUDGET, Stop.LENGTH, Stop.DEAD_END})
"""The stops of a draft that did not end by itself."""


def cut_to_turn(trajectory: Trajectory, turn: int) -> Trajectory:
    """Returns the trajectory as it was at the end of one turn, with the same sample number and role."""
    if turn == trajectory.turn:
        return trajectory
    return replace(
        trajectory,
        steps=tuple(step for step in trajectory.steps if step.turn <= turn),
        stop=trajectory.stops[turn - 1],
        stops=trajectory.stops[: turn - 1],
        answer=trajectory.answers[turn - 1],
        answers=trajectory.answers[: turn - 1],
        grades=tuple(grade for grade in trajectory.grades if grade.turn <= turn),
        reason=None,
    )


def answered_drafts(trajectory: Trajectory) -> Iterator[Trajectory]:
    """Yields the trajectory as it was at the end of each turn whose draft has an answer, the first turn first. A draft
    counts even if a later call failed or a budget was used up."""
    for turn in range(1, trajectory.turn + 1):
        draft = cut_to_turn(trajectory, turn)
        if draft.answer is not None and draft.draft():
            yield replace(draft, stop=Stop.ANSWERED, reason=None) if draft.stop in UNENDED else draft


def with_role(trajectory: Trajectory, role: Role, sample: int) -> Trajectory:
    """Returns the trajectory with another role and another sample number. The copy keeps the grades, and is not
    chosen."""
    there = replace(trajectory, role=role, sample=sample, chosen=False)
    return replace(
        there, grades=tuple(replace(grade, trajectory_id=there.trajectory_id) for grade in trajectory.grades)
    )
