-- What each turn of correction changed. A trajectory that ended earlier keeps its last answer, so that every turn is
-- measured over the same trajectories.
CREATE VIEW corrections AS
WITH undecided AS (
    SELECT recipe, replicate, count(DISTINCT trajectory_id) AS undecided FROM raw.sampled WHERE correct IS NULL GROUP BY ALL
), decided AS (
    SELECT *, lag(answer) OVER path AS answer_before, lag(correct) OVER path AS correct_before
    FROM raw.sampled
    WINDOW path AS (PARTITION BY trajectory_id ORDER BY turn)
    QUALIFY count(*) OVER (PARTITION BY trajectory_id) = count(correct) OVER (PARTITION BY trajectory_id)
), sized AS (
    SELECT *, max(turns) OVER (PARTITION BY recipe, replicate) AS most FROM decided
), carried AS (
    SELECT * EXCLUDE (turn), unnest(range(turns + 1, most + 1)) AS turn FROM sized WHERE turn = turns
), everything AS (
    SELECT recipe, replicate, turn, true AS drafted, answer, correct, oracle_used, answer_before, correct_before FROM sized
    UNION ALL
    SELECT recipe, replicate, turn, false, answer, correct, oracle_used, NULL, NULL FROM carried
)
SELECT recipe, replicate, strategy, model, turn, count(*) AS trajectories, count(*) FILTER (drafted) AS drafted,
       avg(correct::INTEGER) AS accuracy,
       count(*) FILTER (correct_before AND NOT correct) AS right_to_wrong,
       count(*) FILTER (NOT correct_before AND correct) AS wrong_to_right,
       count(*) FILTER (NOT correct_before AND NOT correct AND answer_before IS DISTINCT FROM answer)
           AS wrong_to_other_wrong,
       count(*) FILTER (NOT correct_before AND NOT correct AND answer_before IS NOT DISTINCT FROM answer)
           AS wrong_unchanged,
       count(*) FILTER (correct_before AND correct) AS right_unchanged,
       count(*) FILTER (answer IS NULL) AS no_answer, coalesce(any_value(u.undecided), 0) AS undecided,
       bool_or(oracle_used) AS oracle_used
FROM everything LEFT JOIN undecided u USING (recipe, replicate) LEFT JOIN raw.recipes USING (recipe)
GROUP BY recipe, replicate, strategy, model, turn ORDER BY ALL;

CREATE VIEW costs AS
SELECT run_id, model, purpose, count(*) AS calls, count(error) AS failed_calls,
       sum(prompt_tokens)::BIGINT AS prompt_tokens, sum(completion_tokens)::BIGINT AS completion_tokens,
       sum(cached_tokens)::BIGINT AS cached_tokens, sum(reasoning_tokens)::BIGINT AS reasoning_tokens,
       sum(cost_usd) AS cost_usd, count(*) FILTER (cost_usd IS NULL AND error IS NULL) AS calls_without_cost,
       avg(latency_ms) AS latency_ms, quantile_cont(latency_ms, 0.95) AS latency_p95_ms
FROM main.calls GROUP BY ALL ORDER BY ALL;
