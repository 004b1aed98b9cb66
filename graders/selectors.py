"""Selectors choose one of several answers to a problem: by count, by weighted count, or by the best grade.

Trajectories that failed or have no answer are never chosen and have no vote. Ties are resolved in favour of the
earliest answer, so a choice never depends on chance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from redraft.graders.answers.canonical import canonical
from redraft.store.trajectory import Grade, Stop, Trajectory


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen answer, and the index of the trajectory that represents it. Both are None if nothing can be chosen."""

    answer: str | None = None
    index: int | None = None


class Selector(Protocol):
    """Chooses among the trajectories of one problem. `grades` are one grader's grades of the trajectories, in the same
    order. They may be empty if the selector needs no grades."""

    def __call__(self, trajectories: Sequence[Trajectory], grades: Sequence[Grade] = ()) -> Selection: ...


def majority(trajectories: Sequence[Trajectory], grades: Sequence[Grade] = ()) -> Selection:
    """Selects the most frequent answer (self-consistency, Wang et al.). It is represented by the trajectory with the
    highest grade among those with this answer; without grades, by the first one."""
    return _vote(trajectories, [1.0] * len(trajectories), _values(trajectories, grades))


def weighted_majority(trajectories: Sequence[Trajectory], grades: Sequence[Grade]) -> Selection:
    """Selects the answer with the largest sum of grades (weighted best-of-n). The weight of a vote is the value of its
    grade.

    Weights must not be negative, because otherwise a frequent answer would be penalised. If any value is below 0, all
    values are treated as logarithms, which `likelihood` returns, and exponentiated relative to the largest. A
    trajectory whose grade has no value has no vote. If all values are 0, the votes are counted without weights.
    """
    values = _values(trajectories, grades)
    return _vote(trajectories, weights(values), values)


def best(trajectories: Sequence[Trajectory], grades: Sequence[Grade]) -> Selection:
    """Selects the answer of the trajectory with the highest grade (best-of-n)."""
    values = _values(trajectories, grades)
    voters = [(value, -i) for i, value in enumerate(values) if value is not None and _votes(trajectories[i])]
    if not voters:
        return Selection()
    index = -max(voters)[1]
    return Selection(trajectories[index].answer, index)


def weights(values: Sequence[float | None]) -> list[float]:
    """Returns a weight of at least 0 for each value, in order; 0 for None. The rule is that of `weighted_majority`."""
    known = [value for value in values if value is not None]
    if not known:
        return [0.0] * len(values)
    top = max(known)
    if min(known) < 0:
        if math.isinf(top):
            return [0.0 if value is None else 1.0 for value in values]
        return [0.0 if value is None else math.exp(value - top) for value in values]
    return [0.0 if value is None else (value if top else 1.0) for value in values]


def _vote(trajectories: Sequence[Trajectory], votes: Sequence[float], values: Sequence[float | None]) -> Selection:
    totals: dict[str, float] = {}
    members: dict[str, list[int]] = {}
    for index, (trajectory, vote) in enumerate(zip(trajectories, votes, strict=True)):
        key = canonical(trajectory.answer, trajectory.question.kind) if _votes(trajectory) else None
        if key is not None and vote > 0:
            totals[key] = totals.get(key, 0.0) + vote
            members.setdefault(key, []).append(index)
    if not totals:
        return Selection()
    winner = max(totals, key=totals.__getitem__)
    index = max(members[winner], key=lambda i: (_or_least(values[i]), -i))
    return Selection(trajectories[index].answer, index)


def _votes(trajectory: Trajectory) -> bool:
    return trajectory.stop is not Stop.FAILED and bool(trajectory.answer and trajectory.answer.strip())


def _values(trajectories: Sequence[Trajectory], grades: Sequence[Grade]) -> list[float | None]:
    if not grades:
        return [None] * len(trajectories)
    if len(grades) != len(trajectories):
        raise ValueError(f"{len(grades)} grades for {len(trajectories)} trajectories; there must be one each")
    return [None if grade.value is None or math.isnan(grade.value) else grade.value for grade in grades]


def _or_least(value: float | None) -> float:
    return -math.inf if value is None else value
