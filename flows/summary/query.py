"""The SQL queries of a summary. Each query reads one part of the problems, so that memory stays small for any number of
problems. Values are literals in the queries, because DuckDB imports pandas for bound parameters. The queries read the
raw tables, because the views would first join everything in the store."""

UNITS = """(
    SELECT unit_id, any_value(problem_id) AS problem_id, arg_max(commit_id, attempt) AS commit_id,
           arg_max(status, attempt) AS status, arg_max(run_id, attempt) AS run_id
    FROM raw.commits WHERE {these} GROUP BY unit_id
)"""
ENDS = f"(FROM raw.turns JOIN {UNITS} USING (commit_id) WHERE turn = turns)"

RUN = """
SELECT strategy, model, config->>'feedback' AS feedback, config->>'grader' AS grader,
       (config->>'samples')::INT AS asked, round(epoch(finished_at) - epoch(started_at), 3) AS seconds
FROM runs WHERE run_id = {run}"""

SPENT = """
SELECT count(*) AS calls, coalesce(sum(completion_tokens), 0)::BIGINT AS tokens,
       coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens, sum(cost_usd) AS cost_usd
FROM calls WHERE run_id = {run}"""

RUN_QUERIES = (RUN, SPENT)
"""The queries about the run itself."""

TOTAL = f"""
SELECT count(*) AS trajectories, count(*) FILTER (ended = 'budget' AND status <> 'cut') AS ended_by_budget,
       count(*) FILTER (
           run_id = {{run}} AND ended IS DISTINCT FROM 'failed' AND path_id NOT IN (
               SELECT path_id FROM raw.turns JOIN raw.commits c USING (commit_id)
               WHERE {{these}} AND c.run_id <> {{run}} AND turn = turns AND ended IS DISTINCT FROM 'failed')) AS new,
       (SELECT coalesce(sum(completion_tokens), 0)::BIGINT FROM calls WHERE {{these}}) AS all_tokens
FROM {ENDS}"""

FAILURES = f"""
SELECT coalesce(reason, 'no reason was given') AS reason, count(*) AS n
FROM {ENDS} WHERE ended = 'failed' GROUP BY ALL"""

LIKELIHOODS = f"""
SELECT count(*) AS drafts, count(value) AS likelihoods
FROM raw.grades JOIN {UNITS} USING (commit_id)
ANTI JOIN (FROM {ENDS} WHERE ended = 'failed') USING (path_id)
WHERE grader = 'likelihood' AND step_id IS NULL"""

GRADED = f"""
WITH units AS (FROM {UNITS}), failed AS (FROM {ENDS} WHERE ended = 'failed'), asked AS (
    SELECT grader, reason, value IS NULL AND coalesce(verdict, 'undecided') = 'undecided' AS lost, 1 AS n
    FROM raw.grades SEMI JOIN units USING (commit_id) ANTI JOIN failed USING (path_id)
    WHERE (value IS NOT NULL OR step_id IS NULL OR reason IS NOT NULL)
      AND (step_id IS NOT NULL OR grader NOT IN ('likelihood', 'likelihood_sum'))
    UNION ALL
    SELECT grader, reason, unnest([false, true]),
           unnest([list_count("values"), CASE WHEN reason IS NULL THEN 0 ELSE len("values") - list_count("values") END])
    FROM raw.step_grades SEMI JOIN units USING (commit_id) ANTI JOIN failed USING (path_id)
)
SELECT grader, CASE WHEN lost THEN reason END AS reason, lost, sum(n)::BIGINT AS n
FROM asked WHERE grader NOT IN ('oracle', 'critic', 'human') AND n > 0 GROUP BY ALL"""

CHOSEN = f"""
WITH own AS MATERIALIZED (FROM raw.judged SEMI JOIN {UNITS} USING (commit_id) WHERE turn = turns)
SELECT p.problem_id, p.problem_id IN (
           SELECT problem_id FROM {UNITS} WHERE status = 'done' OR status = 'failed' AND unit_id IN (
               SELECT unit_id FROM own WHERE ended <> 'failed')) AS ended,
       CASE WHEN count(t.trajectory_id) = 0 THEN false ELSE any_value(t.correct) END AS correct,
       coalesce(bool_or(t.oracle_used), false) AS oracle_used
FROM raw.newest_problems p LEFT JOIN (FROM own WHERE chosen) t USING (problem_id)
WHERE {{problems}} AND p.answer IS NOT NULL GROUP BY ALL ORDER BY ALL"""

DRAFTS = f"""
WITH likelihoods AS (
    SELECT path_id, turn, max(value) FILTER (grader = 'likelihood') AS likelihood,
           max(value) FILTER (grader = 'likelihood_sum') AS likelihood_sum
    FROM raw.grades JOIN raw.published USING (commit_id)
    WHERE step_id IS NULL AND grader IN ('likelihood', 'likelihood_sum') GROUP BY ALL
), drafts AS (
    SELECT t.commit_id, t.problem_id, t.trajectory_id, t.path_id, t.turn, t.turns,
           t.ended IS NOT DISTINCT FROM 'failed' AS failed, t.answer, t.oracle_used, p.kind,
           t.correct IS NOT NULL AS decided,
           CASE WHEN t.answer IS NULL THEN false ELSE t.correct END AS correct
    FROM raw.judged t SEMI JOIN {UNITS} USING (commit_id) JOIN raw.newest_problems p USING (problem_id)
    WHERE p.answer IS NOT NULL AND t.role = 'sample' AND CASE WHEN t.ended = 'failed'
        THEN t.turn = 1 AND t.turn < t.turns AND t.stop = 'answered'
        ELSE t.ended IS DISTINCT FROM 'budget' OR (t.status <> 'cut' AND t.end_step_id IS NOT NULL) END
), graded AS (
    SELECT commit_id, failed FROM drafts
    GROUP BY ALL HAVING count_if(decided) > 0 OR count(correct) = count(*)
)
SELECT problem_id, trajectory_id, turn, turn = 1 AS first, turn = turns AND NOT failed AS last, answer, correct,
       oracle_used, kind, likelihood, likelihood_sum
FROM drafts SEMI JOIN graded USING (commit_id, failed) LEFT JOIN likelihoods USING (path_id, turn)
WHERE first OR last ORDER BY problem_id, trajectory_id, turn"""
"""The distinct drafts of the view raw.drafts."""

PART_QUERIES = (TOTAL, FAILURES, LIKELIHOODS, GRADED, CHOSEN)
"""The queries about each part of the problems, in the order in which a summary runs them. The query of drafts follows
them."""
