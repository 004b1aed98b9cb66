"""Reads the tree of first drafts of each unit, one unit at a time, so that only one tree is in memory."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from redraft.store.problems import Problem
from redraft.store.tables.reading.trajectories import STEP, TRAJECTORY, build_trajectory, steps_to_leaf
from redraft.store.trajectory import Step, Trajectory

if TYPE_CHECKING:
    from redraft.store.tables.store import Store


@dataclass(frozen=True, slots=True)
class Tree:
    """The trajectories of a unit that have only one draft, by trajectory id, and the oracle's verdict on each, or
    None."""

    trajectories: Mapping[str, Trajectory]
    verdicts: Mapping[str, bool | None]


def read_trees(store: "Store", patience: float) -> Generator[tuple[str, Callable[[Problem], Tree]]]:
    """Yields a pair for every unit that has trajectories, in the order of candidates (problem, recipe, replicate): the
    unit's id, and a function that returns its tree. So units can be skipped cheaply. Rollouts are left out."""
    with (
        closing(store.parts(TRAJECTORIES, patience=patience)) as trajectories,
        closing(store.parts(STEPS, patience=patience)) as steps,
    ):
        steps_by_place = groupby(chain.from_iterable(steps), itemgetter(0))
        place, found = -1, iter(())
        for unit_place, rows in groupby(chain.from_iterable(trajectories), itemgetter(0)):
            while place < unit_place:
                place, found = next(steps_by_place, (unit_place, iter(())))
            own, drafts = list(found) if place == unit_place else [], list(rows)
            unit = drafts[0][1]
            yield unit, partial(_tree, unit, drafts, own)


def _tree(unit: str, rows: list[tuple], steps: list[tuple], problem: Problem) -> Tree:
    known = {(unit, step_id): Step(step_id, *facts) for _, step_id, *facts in steps}
    trajectories: dict[str, Trajectory] = {}
    verdicts: dict[str, bool | None] = {}
    for _, _, turns, correct, leaf, *row in rows:
        if turns == 1:
            facts: dict[str, Any] = dict(zip(TRAJECTORY, row, strict=True))
            trajectory_id = facts["trajectory_id"]
            path = steps_to_leaf(known, unit, leaf)
            trajectories[trajectory_id] = build_trajectory(problem, unit, facts, path, [])
            verdicts[trajectory_id] = correct
    return Tree(trajectories, verdicts)


PLACES = """
WITH places AS (
    SELECT commit_id, unit_id, row_number() OVER (ORDER BY problem_id, recipe, replicate, commit_id) AS place
    FROM raw.published
)"""
STEPS = f"""{PLACES}
SELECT place, {", ".join(STEP)} FROM raw.steps JOIN places USING (commit_id) WHERE turn = 1 ORDER BY place"""
TRAJECTORIES = f"""{PLACES}
SELECT place, t.unit_id, t.turns, t.correct, t.leaf_step_id, {", ".join(f"t.{name}" for name in TRAJECTORY)}
FROM trajectories t JOIN places USING (unit_id)
WHERE t.role <> 'rollout' ORDER BY place, t.sample, t.trajectory_id"""
