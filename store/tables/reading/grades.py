"""Reads the grades of drafts and of their steps, one unit at a time, so that only one unit is in memory."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from redraft.store.tables.reading.trees import PLACES
from redraft.store.tables.sql import literal, one_of

if TYPE_CHECKING:
    from redraft.store.tables.store import Store

Draft = tuple[str, int]
"""The id of a trajectory, and the turn of its draft."""


class StepValues(NamedTuple):
    """The values that one model, or one person, gave to steps of a draft, by step number from 1."""

    model: str | None
    values: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class UnitSteps:
    """The steps of a unit, by step id, and the values that a grader gave to steps, by draft."""

    steps: Mapping[str, tuple[str | None, int, str, str]]  # parent, turn, by and text of each step
    values: Mapping[Draft, list[StepValues]] = field(default_factory=dict)

    def texts(self, leaf: str | None) -> list[str]:
        """Returns the texts of the model's steps in the draft that ends with the step `leaf`."""
        texts: list[str] = []
        turn = None
        while leaf is not None and (step := self.steps.get(leaf)) and turn in (None, step[1]):
            leaf, turn, by, text = step
            texts += [text] if by == "model" else []
        return texts[::-1]


def read_scores(
    store: "Store", grader: str | None, patience: float, runs: Sequence[str] | None = None
) -> Generator[tuple[str, Mapping[Draft, float]]]:
    """Yields a pair for every unit, in the order of candidates: the unit's id, and the last value that a grader gave to
    each draft. If `grader` is None, the value is the score by which the agent chose among the drafts. With `runs`, only
    values of these runs are read."""
    judged_by = "true" if runs is None else one_of("u.run_id", runs)
    scored = SCORES if grader is None else VALUES.format(grader=literal(grader), judged_by=judged_by)
    with closing(store.parts(PLACES + scored, patience=patience)) as parts:
        for _, rows in groupby(chain.from_iterable(parts), itemgetter(0)):
            own = list(rows)
            yield own[0][1], {(row[2], row[3]): row[4] for row in own if row[2] is not None}


def read_step_values(
    store: "Store", grader: str, model: str | None, patience: float
) -> Generator[tuple[str, UnitSteps]]:
    """Yields a pair for every unit, in the order of candidates: the unit's id, and the last values that a grader gave
    to steps. With `model`, only the values of this model or person are read."""
    whose = f"grader = {literal(grader)}" + ("" if model is None else f" AND grader_model = {literal(model)}")
    sql = PLACES + STEP_VALUES.format(whose=whose)
    with (
        closing(store.parts(sql, patience=patience)) as judged,
        closing(store.parts(PLACES + STEPS.format(whose=whose), patience=patience)) as steps,
    ):
        steps_by_place = groupby(chain.from_iterable(steps), itemgetter(0))
        place, found = -1, iter(())
        for unit_place, rows in groupby(chain.from_iterable(judged), itemgetter(0)):
            own = list(rows)
            if own[0][2] is None:
                yield own[0][1], UnitSteps({})
                continue
            while place < unit_place:
                place, found = next(steps_by_place, (unit_place, iter(())))
            known = {row[1]: tuple(row[2:]) for row in found} if place == unit_place else {}
            values: dict[Draft, list[StepValues]] = {}
            for _, _, trajectory_id, turn, judge, numbers, given in own:
                told = StepValues(judge, dict(zip(numbers, given, strict=True)))
                values.setdefault((trajectory_id, turn), []).append(told)
            yield own[0][1], UnitSteps(known, values)


SCORES = """
SELECT place, p.unit_id, t.trajectory_id, t.turn, t.score
FROM places p LEFT JOIN raw.turns t ON t.commit_id = p.commit_id AND t.turn = t.turns AND t.score IS NOT NULL
ORDER BY place"""

VALUES = """, given AS (
    SELECT t.commit_id, t.trajectory_id, t.turn, arg_max(g.value, u.published_at) AS value
    FROM raw.grades g JOIN raw.published u USING (commit_id)
    JOIN raw.turns t ON t.path_id = g.path_id AND t.turn = g.turn
    WHERE g.grader = {grader} AND {judged_by} AND g.step_id IS NULL AND isfinite(g.value) GROUP BY ALL
)
SELECT place, p.unit_id, g.trajectory_id, g.turn, g.value FROM places p LEFT JOIN given g USING (commit_id)
ORDER BY place"""

STEP_VALUES = """, given AS (
    SELECT t.commit_id, t.trajectory_id, v.turn, v.grader_model, list(v.number ORDER BY v.number) AS numbers,
           list(v.value ORDER BY v.number) AS "values"
    FROM raw.step_values v JOIN raw.turns t ON t.path_id = v.path_id AND t.turn = v.turn
    WHERE {whose} AND t.role <> 'rollout' GROUP BY ALL
)
SELECT place, p.unit_id, g.trajectory_id, g.turn, g.grader_model, g.numbers, g."values"
FROM places p LEFT JOIN given g USING (commit_id) ORDER BY place, g.trajectory_id, g.turn, g.grader_model NULLS FIRST"""

STEPS = """, judged AS (
    SELECT DISTINCT t.commit_id FROM raw.step_lists l JOIN raw.turns t ON t.path_id = l.path_id AND t.turn = l.turn
    WHERE {whose} AND t.role <> 'rollout'
)
SELECT place, s.step_id, s.parent_id, s.turn, s."by", s.text
FROM raw.steps s JOIN places USING (commit_id) SEMI JOIN judged USING (commit_id) ORDER BY place"""
