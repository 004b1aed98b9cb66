"""Caches the summary of a run's data, so that a repeated run that is already done need not read all the data again."""

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
FEWEST = 2_000  # below this number of problems, reading is faster than caching
INTERVALS = ("first", "last", "gain", "chosen")


@dataclass(frozen=True, slots=True)
class State:
    """The state of the store from which a summary was made. It has the problems, the number of commits of the recipe
    and the last commit, the number of versions of its problems, and the number of grades of drafts that other units
    stored. `shape` is a hash of the names of a summary's fields, because another version of redraft may have others."""

    recipe: str
    replicate: str
    problems: str  # a hash of their ids
    shape: str
    commit: int
    commits: int
    versions: int
    elsewhere: int


def state(store: Store, recipe: str, replicate: str, problems: Sequence[str]) -> State:
    """Returns the current state of the store for a summary of these problems. Raises StoreError."""
    [counts] = store.query(NOW.format(recipe=literal(recipe), last=2**63 - 1)).rows
    shape = texts_digest([field.name for field in fields(Summary)])
    return State(recipe, replicate, texts_digest(sorted(problems)), shape, *counts)


def recall(store: Store, now: State, problems: Sequence[str]) -> dict[str, Any] | None:
    """Returns the cached facts for the same problems. Returns None if no facts are cached, or if a draft, grade or
    problem on which they depend has been stored since. Raises StoreError."""
    names = {name: literal(getattr(now, name)) for name in ("recipe", "replicate", "problems", "shape")}
    found = store.query(KEPT.format(event=EVENT, **names)).rows
    if not found:
        return None
    kept = json.loads(found[0][0])
    before = kept["state"]
    then = store.query(NOW.format(recipe=names["recipe"], last=int(before.get("commit") or 0))).rows
    if then != [tuple(before.get(name) for name in COUNTS)]:
        return None
    touched = store.query(TOUCHED.format(recipe=names["recipe"], commit=int(before["commit"]))).rows
    if not {problem_id for (problem_id,) in touched}.isdisjoint(problems):
        return None
    facts = kept["facts"]
    return facts | {name: Interval(*facts[name]) for name in INTERVALS if facts.get(name)} | {"new": 0}


def keep(store: Store, run_id: str, of: State, facts: Mapping[str, Any]) -> None:
    """Stores the facts of a summary in the cache for the next run of the same problems. Raises StoreError."""
    plain = {
        name: [value.estimate, value.low, value.high] if isinstance(value, Interval) else value
        for name, value in facts.items()
    }
    store.note_run(run_id, EVENT, {"state": asdict(of), "facts": plain})


COUNTS = ("commit", "commits", "versions", "elsewhere")
NOW = """
WITH own AS (FROM raw.commits WHERE recipe = {recipe} AND commit_id <= {last})
SELECT coalesce((SELECT max(commit_id) FROM own), 0), (SELECT count(*) FROM own),
       (SELECT count(*) FROM raw.problems SEMI JOIN own USING (problem_id)),
       (SELECT count(*) FROM raw.grades WHERE elsewhere)"""
"""The query of the COUNTS of a recipe up to a commit, and of all grades of drafts that other units stored. If several
processes write, a later commit may have a smaller number than an earlier one. Then the count up to the same commit
grows."""

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
SELECT problem_id FROM raw.commits WHERE commit_id > {commit} AND recipe = {recipe}"""
"""The query of the problems with new units of the recipe."""
