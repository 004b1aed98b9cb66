"""The drafts of a trajectory, each in the state at the end of its turn."""

from collections.abc import Iterator

from msgspec.structs import replace

from redraft.store.trajectory import Role, Stop, Trajectory

UNENDED = frozenset({Stop.FAILED, Stop.BUDGET, Stop.LENGTH, Stop.DEAD_END})
"""The stops of a draft that did not end by itself."""


def cut_to_turn(trajectory: Trajectory, turn: int) -> Trajectory:
    """The trajectory in its state at the end of one turn. It keeps the sample's number and role."""
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
    """The trajectory at the end of each turn whose draft has an answer, the first turn first. If a call failed later,
    or a budget ended, the draft stands."""
    for turn in range(1, trajectory.turn + 1):
        draft = cut_to_turn(trajectory, turn)
        if draft.answer is not None and draft.draft():
            yield replace(draft, stop=Stop.ANSWERED, reason=None) if draft.stop in UNENDED else draft


def with_role(trajectory: Trajectory, role: Role, sample: int) -> Trajectory:
    """The trajectory in another role and of another sample, not chosen, with its grades."""
    there = replace(trajectory, role=role, sample=sample, chosen=False)
    return replace(
        there, grades=tuple(replace(grade, trajectory_id=there.trajectory_id) for grade in trajectory.grades)
    )
