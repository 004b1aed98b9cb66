"""Value targets from a searched tree whose solutions were compared with the key (ReST-MCTS*, Zhang et al. 2024, 3.2).

A target says how far a partial solution has come: 0 at the question, 1 at a right answer, k / K after k of K right
steps. What leads astray is worth less than what it followed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from redraft.store.trajectory import Role, Step, Stop, Trajectory


@dataclass(frozen=True, slots=True)
class Target:
    """What a value model is to say of the draft up to a step. `distance` is M: the least number of steps from the one
    before it to a right answer, counting this one; `right`: a right answer was found below it (hard estimation)."""

    step_id: str
    text: str  # the draft up to and with the step
    value: float  # in [0, 1]
    distance: int  # at least 1
    right: bool


def weighted(before: float, distance: int, wrong: float = 0.0) -> float:
    """v_k = max(v_{k-1} + w, 0) with the weighted reward w = (1 - v_{k-1}) / (m_k + 1) * (1 - 2 r).

    `before` is v_{k-1} in [0, 1]; `distance` is m_k + 1, at least 1: the steps that are still needed, this one counted;
    `wrong` is r in [0, 1], how wrong the step is: 0 for a right one, 1 for a wrong one. Raises ValueError outside.
    """
    if not (0 <= before <= 1 and 0 <= wrong <= 1 and distance >= 1):
        raise ValueError(f"no weighted reward of {before=}, {distance=}, {wrong=}")
    return min(1.0, max(0.0, before + (1 - before) / distance * (1 - 2 * wrong)))


def value_targets(trajectories: Iterable[Trajectory], verdicts: Mapping[str, bool | None]) -> list[Target]:
    """A target for each step of one question's tree that a solution goes through, parents before children.

    `verdicts` says of a trajectory's id whether its answer is right; those of which nobody knows, that failed, that are
    unfinished or rollouts, are left out, and so are steps that none of the others goes through. Without a right
    solution there are no targets: then nobody knows how far anything is from one.

    From each right solution's last step, whose M is 1, M grows by 1 a step upwards, the least of several. What leads to
    wrong solutions only has the M of the step at which it left the way. v goes by `weighted` from the question's 0
    down, r = 1 for what leads to wrong solutions only.
    """
    finished = filter(_finished, trajectories)
    ends = [trajectory for trajectory in finished if verdicts.get(trajectory.trajectory_id) is not None]
    distances = _distances([trajectory.draft() for trajectory in ends if verdicts[trajectory.trajectory_id]])
    if not distances:
        return []
    found: dict[str, Target] = {}
    for trajectory in ends:
        value, distance, text = 0.0, distances[None], ""
        for step in trajectory.draft():
            right = step.step_id in distances
            distance = distances.get(step.step_id, distance)
            value, text = weighted(value, distance, 0.0 if right else 1.0), text + step.text
            found.setdefault(step.step_id, Target(step.step_id, text, value, distance, right))
    return sorted(found.values(), key=lambda target: target.step_id.count("."))


def _distances(solutions: Sequence[Sequence[Step]]) -> dict[str | None, int]:
    """M of each step of the right solutions, and of the question (None)."""
    found: dict[str | None, int] = {}
    for draft in solutions:
        for away, step_id in enumerate([*(step.step_id for step in reversed(draft)), None], start=1):
            found[step_id] = min(away, found.get(step_id, away))
    return found


def _finished(trajectory: Trajectory) -> bool:
    ended = trajectory.stop not in (None, Stop.FAILED, Stop.BUDGET)
    return ended and trajectory.role is not Role.ROLLOUT and bool(trajectory.draft())
