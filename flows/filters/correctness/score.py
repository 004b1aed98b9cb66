"""Keeps drafts whose value by a grader is high."""

import math

from redraft.flows.filters.filter import Filter, SqlFilter
from redraft.flows.filters.sifting.candidates import PATIENCE
from redraft.store.errors import PartError, alternatives
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store


def score(*, grader: str, least: float, model: str | None = None) -> Filter:
    """Drops a draft if the last stored value that `grader` gave it is below `least`, or if it has no value. `model` is
    the grader's model, if several models graded. Values of `likelihood` are log-probabilities; values of most other
    graders are in [0, 1]. Raises PartError for a grader without values, and for a `least` above 1 if no value of the
    grader is above 1."""

    if math.isnan(least):
        raise PartError("score.least=nan: give a number, such as 0.5")

    def facts(store: Store) -> str:
        known = [name for (name,) in store.query(GRADERS, patience=PATIENCE).rows]
        if grader not in known:
            cure = alternatives(grader, known, " with values") if known else "`redraft annotate` grades stored drafts"
            raise PartError(f"score.grader={grader!r}: it gave no draft of {store.path} a value; {cure}")
        [[most]] = store.query(MOST.format(grader=literal(grader)), patience=PATIENCE).rows
        if most is not None and least > 1 >= most:
            raise PartError(f"score.least={least}: no value by {grader!r} is above {most:.4g}: give a lower number")
        return VALUES.format(
            grader=literal(grader), model="true" if model is None else f"g.grader_model = {literal(model)}"
        )

    told = literal(grader)
    return SqlFilter(
        None,
        f"""CASE WHEN facts.value IS NULL THEN 'not graded by ' || {told}
            WHEN facts.value < {least!r} THEN {told} || ' below {least}: ' || round(facts.value, 4) END""",
        facts,
        ("path_id", "turn"),
    )


GRADERS = "SELECT DISTINCT grader FROM raw.grades WHERE step_id IS NULL AND value IS NOT NULL ORDER BY ALL"
MOST = """
SELECT max(value) FROM raw.grades WHERE step_id IS NULL AND NOT isnan(value) AND grader = {grader}"""
VALUES = """
SELECT g.path_id, g.turn, arg_max(g.value, p.published_at) AS value
FROM raw.grades g JOIN raw.published p USING (commit_id)
WHERE g.step_id IS NULL AND g.value IS NOT NULL AND NOT isnan(g.value) AND g.grader = {grader} AND {model}
GROUP BY ALL"""
