"""All runs, the newest first, each with its stage, the accuracy of its picks, its cost, and its progress."""

from typing import Any

from redraft.flows.viewer.address import Address
from redraft.flows.viewer.store_reader import Reader, Row
from redraft.graders.statistics import wilson

MOST = 500  # maximum number of runs on the page


def read(reader: Reader, asked: Address) -> dict[str, Any]:
    """Returns the newest runs. With `stage`, only runs of this stage."""
    runs = reader.rows(RUNS.format(most=MOST))
    for run in runs:
        run.update(judged(run), answered=_waiting(reader, run))
    return {"title": "Runs", "runs": runs}


def judged(run: Row) -> dict[str, Any]:
    """Returns the accuracy of a run with its 95% interval (Wilson, 1927), or None if no pick was judged."""
    return {"accuracy": wilson(run["right"], run["decided"]) if run["decided"] else None}


def _waiting(reader: Reader, run: Row) -> int | None:
    """Returns the number of answered calls of a running run that are in its journal and not yet in the store."""
    path = reader.store.journal_path(run["recipe"]) if run["status"] == "running" else None
    if path is None or not path.exists():
        return None
    with path.open("rb") as file:
        return sum(1 for _ in file)


PICKS = """
WITH picks AS (
    SELECT commit_id, bool_or(correct) AS correct, bool_or(oracle_used) AS oracle_used FROM raw.judged
    WHERE chosen AND turn = turns GROUP BY commit_id
), units AS (
    SELECT p.run_id, p.problem_id, p.published_at, k.correct, k.commit_id IS NOT NULL AS picked, k.oracle_used
    FROM raw.published p LEFT JOIN picks k USING (commit_id)
), keyed AS (SELECT DISTINCT problem_id FROM raw.problems WHERE answer IS NOT NULL)
"""
"""The query of the units of each run with the verdicts on their picks. A unit without a pick has no right answer."""

RUNS = f"""{PICKS}, counted AS (
    SELECT run_id, count(*) AS problems, max(published_at) AS last_at, bool_or(oracle_used) AS oracle_used,
           count(*) FILTER (correct AND k.problem_id IS NOT NULL) AS "right",
           count(*) FILTER ((correct IS NOT NULL OR NOT picked) AND k.problem_id IS NOT NULL) AS decided,
           bool_or(picked) AS picks
    FROM units LEFT JOIN keyed k USING (problem_id) GROUP BY run_id
), spent AS (
    SELECT p.run_id, count(*) AS calls, sum(c.prompt_tokens)::BIGINT AS prompt_tokens,
           sum(c.completion_tokens)::BIGINT AS tokens, sum(c.cost_usd) AS cost_usd, count(c.error) AS failed_calls
    FROM raw.calls c JOIN raw.commits p USING (commit_id) GROUP BY p.run_id
)
SELECT r.run_id, r.stage, r.strategy, r.model, r.recipe, r.config->>'feedback' AS feedback,
       r.config->>'grader' AS grader, r.config->>'source' AS source, r.started_at, r.finished_at, r.status,
       epoch(coalesce(r.finished_at, c.last_at)) - epoch(r.started_at) AS seconds, c.last_at,
       coalesce(c.problems, 0) AS problems, coalesce(c.picks, false) AS picks, c.oracle_used,
       CASE WHEN c.picks THEN c."right" ELSE 0 END AS "right", CASE WHEN c.picks THEN c.decided ELSE 0 END AS decided,
       coalesce(s.calls, 0) AS calls, s.failed_calls, s.prompt_tokens, s.tokens, s.cost_usd
FROM runs r LEFT JOIN counted c USING (run_id) LEFT JOIN spent s USING (run_id)
ORDER BY r.started_at DESC, r.run_id LIMIT {{most}}"""
