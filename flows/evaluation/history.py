"""Reads the stored results of a method: its trajectories turn by turn, its picks, and their cost."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redraft.graders.answers.canonical import canonical
from redraft.store.problems import Kind
from redraft.store.tables.sql import literal, one_of
from redraft.store.tables.store import Store

RIGHT = "right"
"""The vote of every right answer. All right answers count as the same answer in a vote, even if they are written
differently."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a problem. A call that requests n samples counts as n calls. `seconds` is the sum of the durations of
    all calls."""

    tokens: float = 0.0  # tokens that models wrote
    prompt_tokens: float = 0.0
    calls: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(a + b for a, b in zip(self.values(), other.values(), strict=True)))

    def times(self, factor: float) -> "Cost":
        """Returns the cost multiplied by a factor."""
        return Cost(*(value * factor for value in self.values()))

    def values(self) -> tuple[float, float, float, float]:
        return self.tokens, self.prompt_tokens, self.calls, self.seconds


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft: the answer for which it votes (None if it has no answer), whether the answer is right, and how much
    the text differs from the previous draft."""

    vote: str | None
    correct: bool
    same_text: bool | None = None
    text_change: float | None = None
    score: float | None = None  # the value by the grader given to `history`


Drafts = tuple[Draft, ...]
"""The drafts of one trajectory, in the order of turns."""


@dataclass(frozen=True, slots=True)
class History:
    """The stored results of a method: for each problem the trajectories, whether the pick is right, and the cost of
    each turn of one trajectory."""

    paths: Mapping[str, tuple[Drafts, ...]]
    picks: Mapping[str, bool]
    costs: Mapping[str, Mapping[int, Cost]]
    samples: Mapping[str, int]  # by problem: the number of stored trajectories, among which its cost is divided
    oracle_used: bool = False
    undecided: int = 0  # trajectories left out because the oracle could not judge one of their drafts
    first_prompts: Mapping[str, str] = field(default_factory=dict)  # by problem: a hash of its first prompts
    graded: bool = False  # True if each draft has exactly one value by the given grader


def history(
    store: Store,
    recipe: str,
    replicate: str,
    problems: Sequence[str],
    *,
    samples: int | None = None,
    grader: str | None = None,
    alone: bool = False,
) -> History:
    """Returns the stored results of one recipe and replicate on these problems: the first `samples` trajectories of
    each problem (all if None), with the scores by `grader`. One call may sample several first drafts. With `alone`, the
    tokens of its prompt are counted once for each draft. Raises StoreError."""
    asked = one_of("problem_id", problems)
    facts = {
        "recipe": literal(recipe),
        "replicate": literal(replicate),
        "asked": asked,
        "these": f"recipe = {literal(recipe)} AND replicate = {literal(replicate)} AND {asked}",
        "first": "" if samples is None else f"AND sample < {samples}",
        "grader": literal(grader or ""),
        "prompts": "CASE WHEN s.step_id IS NULL AND purpose = 'propose' AND c.error IS NULL THEN n ELSE 1 END"
        if alone
        else "1",
    }
    drafts, picks, costs, counted, prompts = (
        [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        for table in store.queries(*(sql.format(**facts) for sql in QUESTIONS))
    )
    paths, undecided = _paths(drafts)
    counts = {row["problem_id"]: row["samples"] for row in counted}
    return History(
        paths=paths,
        picks={row["problem_id"]: row["correct"] for row in picks if row["correct"] is not None},
        costs=_costs(costs, counts),
        samples=counts,
        oracle_used=any(row["oracle_used"] for row in counted),
        undecided=undecided,
        first_prompts={row["problem_id"]: row["prompts"] for row in prompts},
        graded=all(row["opinions"] == 1 for row in drafts),
    )


def _paths(rows: Iterable[Mapping[str, Any]]) -> tuple[dict[str, tuple[Drafts, ...]], int]:
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row["problem_id"], row["trajectory_id"]].append(row)
    decided = {key: rows for key, rows in grouped.items() if all(row["correct"] is not None for row in rows)}
    paths: dict[str, tuple[Drafts, ...]] = {}
    for (problem, _), found in decided.items():
        paths[problem] = (*paths.get(problem, ()), tuple(_draft(row) for row in found))
    return paths, len(grouped) - len(decided)


def _draft(row: Mapping[str, Any]) -> Draft:
    vote = RIGHT if row["correct"] else canonical(row["answer"], Kind(row["kind"]))
    return Draft(vote, row["correct"], row["same_text"], row["text_change"], row["score"])


def _costs(rows: Iterable[Mapping[str, Any]], samples: Mapping[str, int]) -> dict[str, dict[int, Cost]]:
    """Returns the cost of one trajectory in each turn: the cost of the problem's calls divided by the number of its
    trajectories."""
    costs: dict[str, dict[int, Cost]] = defaultdict(dict)
    for row in rows:
        problem = row["problem_id"]
        whole = Cost(row["tokens"], row["prompt_tokens"], row["calls"], row["seconds"])
        costs[problem][row["turn"]] = whole.times(1 / max(1, samples.get(problem, 0)))
    return dict(costs)


DRAFTS = """
WITH these AS (SELECT trajectory_id FROM trajectories WHERE {these} AND role = 'sample' {first}), scores AS (
    SELECT trajectory_id, turn, any_value(value) AS score, count(DISTINCT coalesce(value, 'nan')) AS opinions
    FROM grades SEMI JOIN these USING (trajectory_id) WHERE grader = {grader} AND step_id IS NULL GROUP BY ALL
)
SELECT s.problem_id, s.trajectory_id, s.answer, s.correct, p.kind, c.same_text, c.text_change, g.score, g.opinions
FROM (FROM raw.sampled_in({recipe}, {replicate}) WHERE {asked}) s SEMI JOIN these USING (trajectory_id)
JOIN raw.newest_problems p USING (problem_id)
LEFT JOIN raw.redrafts_in({recipe}, {replicate}) c USING (path_id, turn)
LEFT JOIN scores g USING (trajectory_id, turn)
ORDER BY s.problem_id, s.trajectory_id, s.turn"""

PICKS = """
SELECT u.problem_id, CASE WHEN count(t.trajectory_id) = 0 OR any_value(t.answer) IS NULL THEN false
                          ELSE any_value(t.correct) END AS correct
FROM (FROM raw.published WHERE {these} AND status = 'done') u
LEFT JOIN (FROM trajectories WHERE chosen AND {these}) t USING (problem_id)
JOIN raw.newest_problems p ON p.problem_id = u.problem_id AND p.answer IS NOT NULL GROUP BY ALL"""

COSTS = """
SELECT c.problem_id, CASE WHEN purpose IN ('propose', 'revise') THEN coalesce(s.turn, 1)
                          ELSE coalesce(s.turn, 1) + 1 END AS turn,
       sum(c.completion_tokens)::DOUBLE AS tokens, sum(c.prompt_tokens * {prompts})::DOUBLE AS prompt_tokens,
       coalesce(sum(c.n) FILTER (c.error IS NULL), 0)::DOUBLE AS calls, round(sum(c.latency_ms), 3) / 1000 AS seconds
FROM (FROM calls WHERE {these}) c
LEFT JOIN (FROM steps WHERE {asked}) s ON s.step_id = c.place AND s.problem_id = c.problem_id
GROUP BY ALL ORDER BY ALL"""
"""The query of costs by turn. The cost of the feedback on a draft belongs to the next turn. The rows are ordered,
because the order of floating-point additions changes the last digits of a sum of seconds. The steps are restricted to
the problems too, because DuckDB does not apply the restriction to the other side of the join and would read all steps
of the store."""

SAMPLES = """
SELECT problem_id, count(*) FILTER (role = 'sample') AS samples, bool_or(oracle_used) AS oracle_used
FROM trajectories WHERE {these} GROUP BY ALL"""

PROMPTS = """
SELECT c.problem_id, string_agg(DISTINCT c.prompt_hash, ' ' ORDER BY c.prompt_hash) AS prompts
FROM calls c ANTI JOIN (FROM steps WHERE {asked}) s ON s.step_id = c.place AND s.problem_id = c.problem_id
WHERE purpose = 'propose' AND error IS NULL AND {these} GROUP BY ALL"""

QUESTIONS = (DRAFTS, PICKS, COSTS, SAMPLES, PROMPTS)
