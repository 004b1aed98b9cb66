"""The samples of a round on the held-out problems, in the form that the watch needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from redraft.flows.self_training.decision import PATIENCE
from redraft.store.tables.sql import literal, one_of
from redraft.store.tables.store import Store


class Sample(NamedTuple):
    """A sample that did not fail and that the oracle could decide. `answer` is None if no answer could be read.
    `signature` is a hash of its equations, or None if it has none. `score` is the verifier's value in [0, 1], or
    None."""

    right: bool
    answer: str | None = None
    text: str = ""
    tokens: int = 0
    cut: bool = False
    signature: int | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The samples of one held-out problem, in the order in which they were drawn."""

    samples: Sequence[Sample]
    level: int | None = None


def read_samples(store: Store, recipe: str, replicate: str, verifier_runs: Sequence[str] = ()) -> Mapping[str, Held]:
    """Returns the samples of each problem, with the scores that the runs `verifier_runs` of `annotate` gave them."""
    places = {
        "recipe": literal(recipe), "replicate": literal(replicate), "judged": one_of("run_id", verifier_runs),
    }  # fmt: skip
    found: dict[str, list[Sample]] = {}
    levels: dict[str, int | None] = {}
    for problem_id, level, *facts in store.query(SAMPLES.format(**places), patience=PATIENCE).rows:
        found.setdefault(problem_id, []).append(Sample(*facts))
        levels[problem_id] = level
    return {problem_id: Held(samples, levels[problem_id]) for problem_id, samples in found.items()}


SAMPLES = """
WITH scored AS (
    SELECT trajectory_id, turn, any_value(value) AS score FROM grades
    WHERE {judged} AND step_id IS NULL AND value IS NOT NULL GROUP BY ALL
)
SELECT j.problem_id, p.level, j.correct, j.answer, j.text, j.turn_tokens, j.stop = 'length',
       CASE WHEN j.by_equations THEN j.signature END, s.score
FROM raw.judged j JOIN problems p USING (problem_id) LEFT JOIN scored s USING (trajectory_id, turn)
WHERE j.recipe = {recipe} AND j.replicate = {replicate} AND j.turn = j.turns AND j.role = 'sample'
    AND j.ended IS DISTINCT FROM 'failed' AND j.correct IS NOT NULL
ORDER BY j.problem_id, j.sample"""
