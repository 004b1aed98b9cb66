"""Finds the stored drafts that a grader must judge, without those that it has judged already."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from redraft.flows.annotation.drafts import DRAFTS, Place
from redraft.store.digest import digest
from redraft.store.errors import QueryError, quoting
from redraft.store.problems import Problem
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store
from redraft.store.unit import key_hash


@dataclass(frozen=True, slots=True)
class AnnotationTask:
    """The matching drafts of one stored unit, and the unit of work that grades them. `key` is a hash of the drafts'
    texts and of the known answer. If the hash changes, the drafts are graded again."""

    source: str  # the unit that the drafts belong to
    unit: str
    problem: Problem
    places: tuple[Place, ...]
    key: str
    attempt: int = 1  # the number of the attempt, from 1


def matching(store: Store, where: str, recipe: str, replicate: str, limit: int | None = None) -> list[AnnotationTask]:
    """Returns the tasks for the drafts that match an SQL condition on DRAFTS, of the first `limit` problems, in the
    order of problems and units. Raises QueryError if DuckDB rejects the condition."""
    try:
        rows = store.query(PLACES.format(drafts=DRAFTS, where=where), patience=PATIENCE).rows
    except QueryError as error:
        raise quoting(QueryError(f"where={where!r}: {error}"), error.quoted) from None
    wanted = sorted({problem_id for _, problem_id, *_ in rows})[:limit]
    problems = {problem.problem_id: problem for problem in store.problems(ids=wanted)}
    units: dict[tuple[str, str], list[tuple[str, int, str]]] = {}
    for unit, problem_id, *place in rows:
        if problem_id in problems:
            units.setdefault((unit, problem_id), []).append((place[0], place[1], place[2]))
    return [
        _task(source, problems[problem_id], places, recipe, replicate) for (source, problem_id), places in units.items()
    ]


def not_done(store: Store, tasks: Sequence[AnnotationTask], recipe: str, replicate: str) -> list[AnnotationTask]:
    """Returns those of the tasks that are not done, each with the number of its next attempt."""
    parts = {"recipe": literal(recipe), "replicate": literal(replicate)}
    known = {unit: rest for unit, *rest in store.query(DONE.format(**parts), patience=PATIENCE).rows}
    todo = []
    for task in tasks:
        attempt, status, key = known.get(task.unit, (0, "", ""))
        if status != "done" or key != task.key:
            todo.append(replace(task, attempt=attempt + 1))
    return todo


def _task(
    source: str, problem: Problem, places: Sequence[tuple[str, int, str]], recipe: str, replicate: str
) -> AnnotationTask:
    unit = digest("annotation", recipe, source, replicate)
    key = digest("drafts", key_hash(problem), *(list(place) for place in places))
    return AnnotationTask(source, unit, problem, tuple((trajectory, turn) for trajectory, turn, _ in places), key)


PATIENCE = 3600.0  # the time limit in seconds for another run to stop writing

PLACES = """
WITH drafts AS ({drafts}), fitting AS (SELECT trajectory_id, turn, leaf_step_id, problem_id FROM drafts WHERE ({where}
))
SELECT t.unit_id, f.problem_id, f.trajectory_id, f.turn, s.prefix_key
FROM fitting f JOIN turns t USING (trajectory_id, turn)
JOIN steps s ON s.unit_id = t.unit_id AND s.step_id = f.leaf_step_id
ORDER BY f.problem_id, t.unit_id, f.trajectory_id, f.turn"""

DONE = """
SELECT unit_id, max(attempt), arg_max(status, attempt), arg_max(key_hash, attempt) FROM raw.commits
WHERE recipe = {recipe} AND replicate = {replicate} GROUP BY unit_id"""
