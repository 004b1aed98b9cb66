"""The SQL queries of a summary. Each query reads a part of the problems, so that memory stays small for any number of
problems. Values are written into the queries, since DuckDB imports pandas for bound parameters. The queries read the
raw tables, since the views would join everything in the store first."""

UNITS = """(
    SELECT unit_id, any_value(problem_id) AS problem_id, max(attempt) AS attempt, arg_max(status, attempt) AS status,
           arg_max(run_id, attempt) AS run_id
    FROM raw.commits WHERE {these} GROUP BY unit_id
)"""
ENDS = f"(FROM raw.trajectories JOIN {UNITS} USING (unit_id, attempt))"

RUN = """
SELECT strategy, model, config->>'feedback' AS feedback, config->>'grader' AS grader,
       (config->>'samples')::INT AS asked, round(epoch(finished_at) - epoch(started_at), 3) AS seconds
FROM runs WHERE run_id = {run}"""

SPENT = """
SELECT count(*) AS calls, coalesce(sum(completion_tokens), 0)::BIGINT AS tokens,
       coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens, sum(cost_usd) AS cost_usd
FROM calls WHERE run_id = {run}"""

RUN_QUERIES = (RUN, SPENT)
"""What is asked of the run itself."""

TOTAL = f"""
SELECT count(*) AS trajectories, count(*) FILTER (stop = 'budget' AND status <> 'cut') AS ended_by_budget,
       count(*) FILTER (
           run_id = {{run}} AND stop IS DISTINCT FROM 'failed' AND (unit_id, trajectory_id) NOT IN (
               SELECT (unit_id, trajectory_id) FROM raw.trajectories JOIN raw.commits c USING (unit_id, attempt)
               WHERE {{these}} AND c.run_id <> {{run}} AND stop IS DISTINCT FROM 'failed')) AS new,
       (SELECT coalesce(sum(completion_tokens), 0)::BIGINT FROM calls WHERE {{these}}) AS all_tokens
FROM {ENDS}"""

FAILURES = f"""
SELECT coalesce(reason, 'no reason was given') AS reason, count(*) AS n
FROM {ENDS} WHERE stop = 'failed' GROUP BY ALL"""

LIKELIHOODS = f"""
SELECT count(*) AS drafts, count(value) AS likelihoods
FROM raw.grades JOIN {UNITS} USING (unit_id, attempt)
ANTI JOIN (FROM {ENDS} WHERE stop = 'failed') USING (trajectory_id)
WHERE grader = 'likelihood' AND step_id IS NULL"""

GRADED = f"""
WITH asked AS (
    SELECT grader, reason, value IS NULL AND coalesce(verdict, 'undecided') = 'undecided' AS lost
    FROM raw.grades JOIN {UNITS} USING (unit_id, attempt)
    ANTI JOIN (FROM {ENDS} WHERE stop = 'failed') USING (trajectory_id)
    WHERE grader NOT IN ('oracle', 'critic', 'human') AND (value IS NOT NULL OR step_id IS NULL OR reason IS NOT NULL)
      AND (step_id IS NOT NULL OR grader NOT IN ('likelihood', 'likelihood_sum'))
)
SELECT grader, CASE WHEN lost THEN reason END AS reason, lost, count(*) AS n FROM asked GROUP BY ALL"""

VERDICTS = f"""
own AS MATERIALIZED (FROM {ENDS}), said AS MATERIALIZED (
    FROM raw.grades SEMI JOIN own USING (trajectory_id)
    WHERE step_id IS NULL AND grader IN ('oracle', 'likelihood', 'likelihood_sum')
), judges AS (
    SELECT unit_id, max(attempt) AS attempt, max(published_at) AS graded_at
    FROM raw.commits SEMI JOIN said USING (unit_id) GROUP BY unit_id
), verdicts AS (
    SELECT trajectory_id, turn, max(value) FILTER (grader = 'likelihood') AS likelihood,
           max(value) FILTER (grader = 'likelihood_sum') AS likelihood_sum,
           CASE arg_max(verdict, graded_at) FILTER (grader = 'oracle')
               WHEN 'right' THEN true WHEN 'wrong' THEN false END AS correct
    FROM said JOIN judges USING (unit_id, attempt) GROUP BY ALL
)"""
"""What the oracle and the likelihood say of the drafts, whichever unit of work had them judged."""

CHOSEN = f"""
WITH {VERDICTS}
SELECT p.problem_id, p.problem_id IN (
           SELECT problem_id FROM {UNITS} WHERE status = 'done' OR status = 'failed' AND unit_id IN (
               SELECT unit_id FROM own WHERE stop <> 'failed')) AS ended,
       CASE WHEN count(t.trajectory_id) = 0 THEN false ELSE any_value(v.correct) END AS correct,
       coalesce(bool_or(t.oracle_used), false) AS oracle_used
FROM problems p LEFT JOIN (FROM own WHERE chosen) t USING (problem_id)
LEFT JOIN verdicts v ON v.trajectory_id = t.trajectory_id AND v.turn = t.turns
WHERE {{problems}} AND p.answer IS NOT NULL GROUP BY ALL ORDER BY ALL"""

DRAFTS = f"""
WITH {VERDICTS}, drafts AS (
    SELECT problem_id, t.trajectory_id, d.turn, t.turns, t.stop = 'failed' AS failed, d.answer, t.oracle_used, p.kind,
           CASE WHEN d.answer IS NULL THEN false ELSE v.correct END AS correct, v.likelihood, v.likelihood_sum
    FROM own t JOIN raw.turns d USING (unit_id, attempt, trajectory_id)
    JOIN problems p USING (problem_id) LEFT JOIN verdicts v USING (trajectory_id, turn)
    WHERE p.answer IS NOT NULL AND t.role = 'sample' AND CASE WHEN t.stop = 'failed'
        THEN d.turn = 1 AND d.turn < t.turns AND d.stop = 'answered'
        ELSE t.stop IS DISTINCT FROM 'budget' OR (t.status <> 'cut' AND t.leaf_step_id IS NOT NULL) END
    WINDOW problem AS (PARTITION BY problem_id, t.stop IS NOT DISTINCT FROM 'failed')
    QUALIFY count(v.correct) OVER problem > 0 OR count(correct) OVER problem = count(*) OVER problem
)
SELECT problem_id, trajectory_id, turn, turn = 1 AS first, turn = turns AND failed IS NOT true AS last, answer, correct,
       oracle_used, kind, likelihood, likelihood_sum
FROM drafts WHERE first OR last ORDER BY problem_id, trajectory_id, turn"""
"""The drafts of the view raw.drafts, each once."""

PART_QUERIES = (TOTAL, FAILURES, LIKELIHOODS, GRADED, CHOSEN)
"""What is asked of each part of the problems, in the order in which a summary reads them, before its drafts."""
