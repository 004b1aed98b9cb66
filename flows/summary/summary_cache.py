"""Keeps the summary of a run's data, so that a finished run that is started again tells it without reading it all."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from redraft.flows.summary.summary import Summary
from redraft.graders.statistics import Interval
from redraft.store.digest import texts_digest
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store

EVENT = "summarised"
FEWEST = 2_000  # problems whose summary is worth keeping: that of fewer is read sooner than it is written
INTERVALS = ("first", "last", "gain", "chosen")


@dataclass(frozen=True, slots=True)
class State:
    """What a summary was made from: the problems, the last commit, and how many versions of problems there were.
    `shape` is a digest of the fields that a summary has, since another build may have others."""

    recipe: str
    replicate: str
    problems: str  # a digest of their ids
    shape: str
    commit: int
    versions: int


def state(store: Store, recipe: str, replicate: str, problems: Sequence[str]) -> State:
    """Returns the present state of the store for a summary over these problems. Raises StoreError."""
    [(commit, versions)] = store.query(NOW).rows
    shape = texts_digest([field.name for field in fields(Summary)])
    return State(recipe, replicate, texts_digest(sorted(problems)), shape, commit, versions)


def recall(store: Store, now: State, problems: Sequence[str]) -> dict[str, Any] | None:
    """Returns the facts that were kept for the same problems; None if there are none, or if any draft, grade or problem
    has come since that they depend on. Raises StoreError."""
    names = {name: literal(getattr(now, name)) for name in ("recipe", "replicate", "problems", "shape")}
    found = store.query(KEPT.format(event=EVENT, **names)).rows
    if not found:
        return None
    kept = json.loads(found[0][0])
    commit, versions = int(kept["state"]["commit"]), int(kept["state"]["versions"])
    touched = store.query(TOUCHED.format(recipe=names["recipe"], commit=commit, versions=versions)).rows
    if not {problem_id for (problem_id,) in touched}.isdisjoint([None, *problems]):
        return None
    facts = kept["facts"]
    return facts | {name: Interval(*facts[name]) for name in INTERVALS if facts.get(name)} | {"new": 0}


def keep(store: Store, run_id: str, of: State, facts: Mapping[str, Any]) -> None:
    """Keeps the facts of a summary for the next run of the same problems. Raises StoreError."""
    plain = {
        name: [value.estimate, value.low, value.high] if isinstance(value, Interval) else value
        for name, value in facts.items()
    }
    store.note_run(run_id, EVENT, {"state": asdict(of), "facts": plain})


NOW = """
SELECT coalesce((SELECT max(commit_id) FROM raw.commits), 0), (SELECT count(*) FROM raw.problems)"""

KEPT = """
WITH kept AS (
    SELECT facts, facts->>'$.state.problems' AS problems, facts->>'$.state.recipe' AS recipe,
           facts->>'$.state.replicate' AS replicate, facts->>'$.state.shape' AS shape, happened_at
    FROM raw.run_events WHERE event = '{event}'
)
SELECT facts FROM kept
WHERE problems = {problems} AND recipe = {recipe} AND replicate = {replicate} AND shape = {shape}
ORDER BY happened_at DESC LIMIT 1"""

TOUCHED = """
SELECT problem_id FROM raw.commits WHERE commit_id > {commit} AND recipe = {recipe}
UNION ALL
SELECT problem_id FROM raw.problems WHERE rowid >= {versions}
UNION ALL
(SELECT NULL FROM raw.grades WHERE commit_id > {commit} AND elsewhere LIMIT 1)"""
"""The problems with new units of the recipe or with another known answer; NULL if another unit judged drafts again,
whichever they are."""
