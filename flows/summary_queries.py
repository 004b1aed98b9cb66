"""What a summary asks the store; conditions and literals are written out, since bound ones import pandas. Where only
the ends of trajectories count, the view's joins with texts and verdicts are left out."""

ENDS = "(FROM raw.trajectories JOIN raw.published USING (unit_id, attempt))"

RUN = """
SELECT strategy, model, config->>'feedback' AS feedback, config->>'grader' AS grader,
       (config->>'samples')::INT AS asked, round(epoch(finished_at) - epoch(started_at), 3) AS seconds
FROM runs WHERE run_id = {run}"""

SPENT = """
SELECT count(*) AS calls, coalesce(sum(completion_tokens), 0)::BIGINT AS tokens,
       coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens, sum(cost_usd) AS cost_usd
FROM calls WHERE run_id = {run}"""

TOTAL = """
SELECT (SELECT count(*) FROM {ends} WHERE {these}) AS trajectories,
       (SELECT count(*) FROM {ends} WHERE stop = 'budget' AND status <> 'cut' AND {these}) AS ended_by_budget,
       (SELECT coalesce(sum(completion_tokens), 0)::BIGINT FROM calls WHERE {these}) AS all_tokens"""

FAILURES = """
SELECT coalesce(reason, 'no reason was given') AS reason, count(*) AS n FROM {ends}
WHERE {these} AND stop = 'failed' GROUP BY ALL ORDER BY n DESC, reason"""

LIKELIHOODS = """
SELECT count(*) AS drafts, count(value) AS likelihoods FROM grades
WHERE grader = 'likelihood' AND step_id IS NULL
  AND trajectory_id IN (SELECT trajectory_id FROM {ends} WHERE {these} AND stop IS DISTINCT FROM 'failed')"""

UNGRADED = """
WITH asked AS (
    SELECT grader, reason, value IS NULL AND coalesce(verdict, 'undecided') = 'undecided' AS lost
    FROM grades SEMI JOIN (FROM raw.published u WHERE {published}) USING (unit_id)
    ANTI JOIN (FROM {ends} WHERE {these} AND stop = 'failed') USING (trajectory_id)
    WHERE grader NOT IN ('oracle', 'critic', 'human') AND (value IS NOT NULL OR step_id IS NULL OR reason IS NOT NULL)
      AND (step_id IS NOT NULL OR grader NOT IN ('likelihood', 'likelihood_sum'))
), reasons AS (
    SELECT grader, reason, count(*) AS n FROM asked WHERE lost GROUP BY ALL ORDER BY n DESC, grader, reason LIMIT 1
)
SELECT count(*) FILTER (NOT lost) AS graded, count(*) FILTER (lost) AS ungraded,
       (SELECT grader FROM reasons) AS ungraded_by, (SELECT reason FROM reasons) AS ungraded_because
FROM asked"""

CHOSEN = """
WITH ended AS (
    FROM raw.published WHERE {these} AND (status = 'done' OR status = 'failed' AND unit_id IN (
        SELECT unit_id FROM {ends} WHERE {these} AND stop <> 'failed'))
)
SELECT p.problem_id, p.problem_id IN (SELECT problem_id FROM ended) AS ended,
       CASE WHEN count(t.trajectory_id) = 0 THEN false ELSE any_value(t.correct) END AS correct,
       coalesce(bool_or(t.oracle_used), false) AS oracle_used
FROM problems p LEFT JOIN (FROM trajectories WHERE chosen AND {these}) t USING (problem_id)
WHERE {problems} AND p.answer IS NOT NULL GROUP BY ALL"""

DRAFTS = """
WITH scores AS (
    SELECT trajectory_id, turn, max(value) FILTER (grader = 'likelihood') AS likelihood,
           max(value) FILTER (grader = 'likelihood_sum') AS likelihood_sum
    FROM grades WHERE step_id IS NULL GROUP BY ALL
)
SELECT d.problem_id, d.trajectory_id, d.draft, d.turn, d.answer, d.correct, d.oracle_used, p.kind, s.likelihood,
       s.likelihood_sum
FROM (FROM raw.drafts WHERE {these}) d JOIN problems p USING (problem_id) LEFT JOIN scores s USING (trajectory_id, turn)
ORDER BY d.problem_id, d.trajectory_id"""

QUESTIONS = (RUN, SPENT, TOTAL, FAILURES, CHOSEN, LIKELIHOODS, UNGRADED)
"""In the order in which a summary reads them; the drafts are read one by one."""
