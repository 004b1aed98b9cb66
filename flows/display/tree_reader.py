"""Reads a stored tree: the steps of one unit of work, the trajectories that end at each step, and the drafts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redraft.store.errors import StoreError
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store


@dataclass(frozen=True, slots=True)
class End:
    """A trajectory that ends at a step."""

    trajectory_id: str
    role: str
    stop: str | None
    answer: str | None
    correct: bool | None
    chosen: bool
    score: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """One turn of a correction: the feedback on the previous draft, and the draft that follows it. Trajectories that
    branch after this draft share it."""

    turn: int
    leaf_step_id: str
    follows: str | None  # the last step of the previous draft; None for a first draft
    feedback: str | None
    text: str
    answer: str | None
    correct: bool | None
    trajectories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """A step with the steps that follow it. `rollout` is True if only rollouts contain the step."""

    step_id: str
    turn: int
    by: str
    text: str
    tokens: int
    logprob: float | None
    value: float | None
    visits: int | None
    rollout: bool
    ends: tuple[End, ...]
    children: tuple["Branch", ...]

    @property
    def searched(self) -> bool:
        """Returns True if a search gave the step a value or visits."""
        return self.value is not None or self.visits is not None


@dataclass(frozen=True, slots=True)
class StoredTree:
    """The tree of everything that one unit of work explored for its question. `ends` has the trajectories without
    steps. `drafts` has all drafts, turn by turn; it is empty if no draft was revised."""

    unit: str
    problem_id: str
    question: str
    strategy: str
    branches: tuple[Branch, ...]
    ends: tuple[End, ...]
    drafts: tuple[Draft, ...] = ()


def read_tree(store: Store, name: str | None = None) -> StoredTree:
    """Returns the tree of the unit, trajectory or problem with the id `name`. Without a name, returns the newest tree.
    For a problem, returns the tree of its newest run. Raises StoreError if the tree does not exist."""
    named = "true" if name is None else f"{literal(name)} IN (t.unit_id, t.trajectory_id, t.problem_id)"
    found = store.query(UNIT.format(named=named)).rows
    if not found:
        problem = "it holds no trajectories" if name is None else f"no unit, trajectory or problem {name!r}"
        raise StoreError(f'{problem} in {store.path}: list them with `redraft query "FROM trajectories"`')
    [(unit, problem_id, question, strategy)] = found
    steps, ends, turns = store.queries(*(sql.format(unit=literal(unit)) for sql in (STEPS, ENDS, DRAFTS)))
    leaves: dict[str | None, list[End]] = defaultdict(list)
    for leaf, *facts in ends.rows:
        leaves[leaf].append(End(*facts))
    drafts = [Draft(*facts, trajectories=tuple(names)) for *facts, names in turns.rows]
    if all(draft.turn == 1 for draft in drafts):
        drafts = []
    branches = _branches(steps.rows, leaves)
    return StoredTree(unit, problem_id, question, strategy or "", branches, tuple(leaves[None]), tuple(drafts))


def _branches(rows: Sequence[Sequence[Any]], leaves: Mapping[str | None, list[End]]) -> tuple[Branch, ...]:
    """Returns the first steps of the tree, each with the steps below it. The tree is built from the deepest rows
    upwards."""
    children: dict[str | None, list[Branch]] = defaultdict(list)
    sampled: set[str] = set()  # steps with a child that is not only part of rollouts
    upwards = sorted(rows, key=lambda row: (-row[-1], _numbers(row[0])))
    for step_id, parent, turn, by, text, tokens, logprob, value, visits, _ in upwards:
        ends = tuple(leaves.get(step_id, ()))
        below = tuple(children.pop(step_id, ()))
        rollout = step_id not in sampled and all(end.role == "rollout" for end in ends)
        if not rollout and parent:
            sampled.add(parent)
        branch = Branch(step_id, turn, by, text, tokens, logprob, value, visits, rollout, ends, below)
        children[parent].append(branch)
    return tuple(children[None])


def _numbers(step_id: str) -> list[tuple[int, str]]:
    """Returns the numbers in a step id as the sort key of steps, so that step 10 comes after step 9."""
    tail = step_id.rpartition("/")[2].split(".")
    return [(int(part), "") if part.isdigit() else (-1, part) for part in tail]


UNIT = """
SELECT t.unit_id, t.problem_id, p.question, r.strategy
FROM trajectories t JOIN problems p USING (problem_id) JOIN runs r USING (run_id)
WHERE {named} ORDER BY r.started_at DESC, t.unit_id LIMIT 1"""
STEPS = """
SELECT step_id, parent_id, turn, "by", text, tokens, logprob, value, visits, depth FROM steps WHERE unit_id = {unit}"""
ENDS = """
SELECT leaf_step_id, trajectory_id, role, stop, answer, correct, chosen, score, reason FROM trajectories
WHERE unit_id = {unit} ORDER BY chosen DESC, trajectory_id"""
DRAFTS = """
WITH turned AS (
    SELECT *, lag(leaf_step_id) OVER (PARTITION BY trajectory_id ORDER BY turn) AS follows
    FROM turns WHERE unit_id = {unit}
)
SELECT turn, leaf_step_id, any_value(follows), any_value(feedback), any_value(text), any_value(answer),
       any_value(correct), list(trajectory_id ORDER BY trajectory_id)
FROM turned WHERE leaf_step_id IS NOT NULL GROUP BY turn, leaf_step_id ORDER BY min(trajectory_id), turn"""
