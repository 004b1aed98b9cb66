-- What each turn of correction changed. A trajectory that ended earlier keeps its last answer, so that every turn is
-- measured over the same trajectories.
CREATE VIEW corrections AS
WITH drafts AS (
    SELECT p.recipe, p.replicate, t.trajectory_id, t.turns, t.oracle_used, d.turn, d.answer,
           CASE WHEN d.answer IS NULL THEN false ELSE o.correct END AS correct
    FROM raw.trajectories t JOIN raw.published p USING (unit_id, attempt)
    JOIN raw.turns d
        ON d.unit_id = t.unit_id AND d.attempt = t.attempt AND d.trajectory_id = t.trajectory_id
    LEFT JOIN raw.oracle o ON o.trajectory_id = d.trajectory_id AND o.turn = d.turn
    WHERE t.role = 'sample' AND t.stop IS DISTINCT FROM 'failed'
), decided AS (
    SELECT * FROM drafts QUALIFY count(*) OVER (PARTITION BY trajectory_id) = count(correct) OVER (PARTITION BY trajectory_id)
), undecided AS (
    SELECT recipe, replicate, count(DISTINCT trajectory_id) AS undecided FROM drafts WHERE correct IS NULL GROUP BY ALL
), sizes AS (
    SELECT recipe, replicate, max(turns) AS turns FROM decided GROUP BY ALL
), pairs AS (
    SELECT now.recipe, now.replicate, n.turn, now.turn = n.turn AS drafted, now.answer, now.correct, now.oracle_used,
           before.answer AS answer_before, before.correct AS correct_before
    FROM sizes s, LATERAL (SELECT unnest(range(1, s.turns + 1)) AS turn) n
    JOIN decided now ON now.recipe = s.recipe AND now.replicate = s.replicate AND now.turn = least(n.turn, now.turns)
    LEFT JOIN decided before ON before.trajectory_id = now.trajectory_id AND now.turn = n.turn AND before.turn = n.turn - 1
)
SELECT recipe, replicate, turn, count(*) AS trajectories, count(*) FILTER (drafted) AS drafted, avg(correct::INTEGER) AS accuracy,
       count(*) FILTER (correct_before AND NOT correct) AS right_to_wrong,
       count(*) FILTER (NOT correct_before AND correct) AS wrong_to_right,
       count(*) FILTER (NOT correct_before AND NOT correct AND answer_before IS DISTINCT FROM answer) AS wrong_to_other_wrong,
       count(*) FILTER (NOT correct_before AND NOT correct AND answer_before IS NOT DISTINCT FROM answer) AS wrong_unchanged,
       count(*) FILTER (correct_before AND correct) AS right_unchanged, count(*) FILTER (answer IS NULL) AS no_answer,
       coalesce(any_value(u.undecided), 0) AS undecided, bool_or(oracle_used) AS oracle_used
FROM pairs LEFT JOIN undecided u USING (recipe, replicate) GROUP BY recipe, replicate, turn ORDER BY ALL;

CREATE VIEW costs AS
SELECT run_id, model, purpose, count(*) AS calls, count(error) AS failed_calls,
       sum(prompt_tokens)::BIGINT AS prompt_tokens, sum(completion_tokens)::BIGINT AS completion_tokens,
       sum(cached_tokens)::BIGINT AS cached_tokens, sum(reasoning_tokens)::BIGINT AS reasoning_tokens,
       sum(cost_usd) AS cost_usd, count(*) FILTER (cost_usd IS NULL AND error IS NULL) AS calls_without_cost,
       avg(latency_ms) AS latency_ms, quantile_cont(latency_ms, 0.95) AS latency_p95_ms
FROM main.calls GROUP BY ALL ORDER BY ALL;
