"""Stored trajectories as records again, so that they can be judged."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from redraft.store.problems import Problem
from redraft.store.tables.sql import one_of
from redraft.store.trajectory import Role, Step, Stop, Trajectory

if TYPE_CHECKING:
    from redraft.store.tables.store import Store


def read_trajectories(store: "Store", units: Mapping[str, Problem]) -> dict[str, dict[str, Trajectory]]:
    """Of each unit its published trajectories by their ids, as they were when their agent ended; `units` maps a unit to
    its problem. Grades are left out. The question's unit is the one they were drawn in."""
    these = list(units)
    steps, turns, paths = store.queries(
        f"SELECT {', '.join(STEP)}, unit_id FROM steps WHERE {one_of('unit_id', these)}",
        f"SELECT trajectory_id, answer, stop FROM turns WHERE {one_of('unit_id', these)} ORDER BY trajectory_id, turn",
        f"SELECT {', '.join(PATH)}, leaf_step_id, unit_id FROM trajectories WHERE {one_of('unit_id', these)}"
        " ORDER BY unit_id, sample, trajectory_id",
    )
    known = {(unit, row[0]): Step(*row) for *row, unit in steps.rows}
    ended: dict[str, list[tuple[str | None, str | None]]] = {}
    for trajectory_id, answer, stop in turns.rows:
        ended.setdefault(trajectory_id, []).append((answer, stop))
    found: dict[str, dict[str, Trajectory]] = {unit: {} for unit in these}
    for *row, leaf, unit in paths.rows:
        facts: dict[str, Any] = dict(zip(PATH, row, strict=True))
        path = _path(units[unit], unit, facts, _up(known, unit, leaf), ended.get(facts["trajectory_id"], []))
        found[unit][facts["trajectory_id"]] = path
    return found


def _up(known: Mapping[tuple[str, str], Step], unit: str, leaf: str | None) -> tuple[Step, ...]:
    """The steps from the first one to a leaf."""
    steps: list[Step] = []
    while leaf is not None and (step := known.get((unit, leaf))) is not None:
        steps.append(step)
        leaf = step.parent_id
    return tuple(reversed(steps))


def _path(
    problem: Problem,
    unit: str,
    facts: Mapping[str, Any],
    steps: tuple[Step, ...],
    ended: Sequence[tuple[str | None, str | None]],
) -> Trajectory:
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
PATH = ("trajectory_id", "sample", "role", "stop", "answer", "score", "chosen", "oracle_used", "reason")
