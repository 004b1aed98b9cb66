"""Computes value targets, which train a value model, from a tree of solutions that were compared with the key
(ReST-MCTS*, Zhang et al. 2024, 3.2).

A target says how far a partial solution has progressed: 0 at the question, k / K after k of K right steps, and 1 at a
right answer. A step that leads only to wrong answers has a lower target than the step before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from redraft.store.trajectory import Role, Step, Stop, Trajectory


@dataclass(frozen=True, slots=True)
class Target:
    """The value that a value model should give a draft up to and including one step. `distance` is the paper's M: the
    smallest number of steps to a right answer, including this step. `right` says whether a right answer was found after
    this step (hard estimation)."""

    step_id: str
    text: str  # the draft up to and including the step
    value: float  # in [0, 1]
    distance: int  # at least 1
    right: bool


def weighted(before: float, distance: int, wrong: float = 0.0) -> float:
    """Returns the value of step k: v_k = max(v_{k-1} + w, 0), with the weighted reward w = (1 - v_{k-1}) / (m_k + 1) *
    (1 - 2 r).

    `before` is v_{k-1}, in [0, 1]. `distance` is m_k + 1: the number of steps to a right answer, including this step,
    at least 1. `wrong` is r, in [0, 1]: 0 for a right step, 1 for a wrong step. Raises ValueError if a number is out of
    its range.
    """
    if not (0 <= before <= 1 and 0 <= wrong <= 1 and distance >= 1):
        raise ValueError(f"no weighted reward of {before=}, {distance=}, {wrong=}")
    return min(1.0, max(0.0, before + (1 - before) / distance * (1 - 2 * wrong)))


def value_targets(trajectories: Iterable[Trajectory], verdicts: Mapping[str, bool | None]) -> list[Target]:
    """Returns a target for each step of the solutions of one question, parents before children.

    `verdicts` maps a trajectory's id to True if its answer is right and to False if it is wrong. Trajectories that
    failed, are unfinished, are rollouts or have no known verdict are ignored, and their steps have no targets. If no
    solution is right, the list is empty, because the distance to a right answer is unknown.

    The last step of a right solution has M = 1, and M increases by 1 with each step before it. If several right
    solutions share a step, the smallest M is used. A step that leads only to wrong solutions has the M of the step at
    which its solution left the right ones. The question has the value 0. `weighted` gives each step's value from its
    parent's value, with r = 1 for a step that leads only to wrong solutions, and otherwise r = 0.
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
    """Returns M, the number of steps to a right answer, for each step of the right solutions, by step id. The key None
    stands for the question."""
    found: dict[str | None, int] = {}
    for draft in solutions:
        for away, step_id in enumerate([*(step.step_id for step in reversed(draft)), None], start=1):
            found[step_id] = min(away, found.get(step_id, away))
    return found


def _finished(trajectory: Trajectory) -> bool:
    ended = trajectory.stop not in (None, Stop.FAILED, Stop.BUDGET)
    return ended and trajectory.role is not Role.ROLLOUT and bool(trajectory.draft())
