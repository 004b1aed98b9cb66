"""Rows for a value model, which estimates how close a partial solution of a searched tree is to a right answer
(ReST-MCTS*, Zhang et al. 2024)."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from redraft.flows.filters.sifting.candidates import PATIENCE, Candidate
from redraft.flows.formats.format import Format, Row, filtered_by
from redraft.flows.formats.shared.unit_reader import Alongside, unit_of
from redraft.graders.rewards.value_target import Target, value_targets
from redraft.store.errors import PartError
from redraft.store.problems import Problem
from redraft.store.tables.reading.trees import Tree, read_trees
from redraft.store.tables.store import Store
from redraft.store.trajectory import Trajectory


@filtered_by()
def value(store: Store, *, style: Literal["columns", "text"] = "columns") -> Format:
    """Writes a row for each step of the first drafts whose answer was compared with the answer key. A step that several
    drafts share makes one row. The columns are `question`, `solution` (the draft up to and including the step) and
    `value` in [0, 1], which is 1 only at a right answer. With `style` "text" the columns are `text` (the question, a
    blank line and the solution) and `label`, for a sequence classifier with one label.

    Values are computed from all drafts and leaves of the tree, even if filters drop some of them
    (`graders.rewards.value_targets`). A tree without a right answer makes no rows. A redraft makes no rows either,
    because it continues from more than its question. Raises PartError for a store without searches.
    """
    if not store.query(f"{SEARCHES} LIMIT 1", patience=PATIENCE).rows:
        raise PartError(
            f"format 'value' needs searched trees, and {store.path} has none: run `redraft generate --strategy"
            " rest_mcts` (or another search) first"
        )
    trees = Alongside(read_trees(store, PATIENCE))
    unit, read, targets = "", Tree({}, {}), dict[str, Target]()
    written: set[str] = set()

    def row(question: str, target: Target) -> dict[str, Any]:
        if style == "text":
            return {"text": f"{question}\n\n{target.text}", "label": target.value}
        return {"question": question, "solution": target.text, "value": target.value}

    def rows(candidate: Candidate) -> Iterator[Row]:
        nonlocal unit, read, targets
        if unit != unit_of(candidate):
            unit = unit_of(candidate)
            written.clear()
            read = trees.of(unit)(Problem(candidate.question, problem_id=candidate.problem_id))
            targets = {target.step_id: target for target in value_targets(read.trajectories.values(), read.verdicts)}
        trajectory = read.trajectories.get(candidate.trajectory_id)
        reason = _trajectory_reason(candidate, trajectory, targets)
        if reason or trajectory is None:
            yield Row(None, None, reason)
            return
        new = [step.step_id for step in trajectory.steps if step.step_id not in written]
        written.update(new)
        if not new:
            yield Row(None, trajectory.place, "in rows already: drafts share it")
        for step_id in new:
            yield Row(row(candidate.question, targets[step_id]), step_id)

    return rows


def _trajectory_reason(
    candidate: Candidate, trajectory: Trajectory | None, targets: Mapping[str, Target]
) -> str | None:
    """Returns the reason why a trajectory makes no rows, or None if it makes rows."""
    if trajectory is None:
        return "a redraft"
    if not targets:
        return "no right answer in its tree"
    return "not known whether it is right" if any(step.step_id not in targets for step in trajectory.steps) else None


SEARCHES = "SELECT 1 FROM raw.turns JOIN raw.published USING (commit_id) WHERE role = 'search'"
