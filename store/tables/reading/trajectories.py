"""Reads stored trajectories back as records, so that graders can judge them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from redraft.store.problems import Problem
from redraft.store.tables.sql import one_of
from redraft.store.trajectory import Role, Step, Stop, Trajectory

if TYPE_CHECKING:
    from redraft.store.tables.store import Store


def read_trajectories(store: "Store", units: Mapping[str, Problem]) -> dict[str, dict[str, Trajectory]]:
    """Returns the published trajectories of each unit, by trajectory id, in their final state but without grades.
    `units` maps units to their problems. The `unit` of each trajectory's question is the unit that drew the trajectory.
    """
    condition = one_of("unit_id", list(units))
    steps, turns, trajectories = store.queries(
        f"SELECT {', '.join(STEP)}, unit_id FROM steps WHERE {condition}",
        f"SELECT trajectory_id, answer, stop FROM turns WHERE {condition} ORDER BY trajectory_id, turn",
        f"SELECT {', '.join(TRAJECTORY)}, leaf_step_id, unit_id FROM trajectories WHERE {condition}"
        " ORDER BY unit_id, sample, trajectory_id",
    )
    known = {(unit, row[0]): Step(*row) for *row, unit in steps.rows}
    ended: dict[str, list[tuple[str | None, str | None]]] = {}
    for trajectory_id, answer, stop in turns.rows:
        ended.setdefault(trajectory_id, []).append((answer, stop))
    found: dict[str, dict[str, Trajectory]] = {unit: {} for unit in units}
    for *row, leaf, unit in trajectories.rows:
        facts: dict[str, Any] = dict(zip(TRAJECTORY, row, strict=True))
        trajectory_id = facts["trajectory_id"]
        path = steps_to_leaf(known, unit, leaf)
        drafts = ended.get(trajectory_id, [])
        found[unit][trajectory_id] = build_trajectory(units[unit], unit, facts, path, drafts)
    return found


def steps_to_leaf(known: Mapping[tuple[str, str], Step], unit: str, leaf: str | None) -> tuple[Step, ...]:
    """Returns the steps from the first step to the step `leaf`."""
    steps: list[Step] = []
    while leaf is not None and (step := known.get((unit, leaf))) is not None:
        steps.append(step)
        leaf = step.parent_id
    return tuple(reversed(steps))


def build_trajectory(
    problem: Problem,
    unit: str,
    facts: Mapping[str, Any],
    steps: tuple[Step, ...],
    ended: Sequence[tuple[str | None, str | None]],
) -> Trajectory:
    """Returns a trajectory from the columns TRAJECTORY, its steps, and a pair (answer, stop) for each draft."""
    return Trajectory(
        question=problem.ask(unit),
        steps=steps,
        sample=facts["sample"],
        role=Role(facts["role"]),
        stop=Stop(facts["stop"]) if facts["stop"] else None,
        stops=tuple(Stop(stop or Stop.ANSWERED) for _, stop in ended[:-1]),
        answer=facts["answer"],
        answers=tuple(answer for answer, _ in ended[:-1]),
        score=facts["score"],
        chosen=facts["chosen"],
        oracle_used=facts["oracle_used"],
        reason=facts["reason"],
    )


STEP = (
    "step_id", "parent_id", "prefix_key", "depth", "turn", '"by"', "text", "final", "tokens", "logprob", "value",
    "visits", "call_id",
)  # fmt: skip
TRAJECTORY = ("trajectory_id", "sample", "role", "stop", "answer", "score", "chosen", "oracle_used", "reason")
