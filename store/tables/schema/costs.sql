CREATE VIEW costs AS
SELECT run_id, model, purpose, count(*) AS calls, count(error) AS failed_calls,
       sum(prompt_tokens)::BIGINT AS prompt_tokens, sum(completion_tokens)::BIGINT AS completion_tokens,
       sum(cached_tokens)::BIGINT AS cached_tokens, sum(reasoning_tokens)::BIGINT AS reasoning_tokens,
       sum(cost_usd) AS cost_usd, count(*) FILTER (cost_usd IS NULL AND error IS NULL) AS calls_without_cost,
       avg(latency_ms) AS latency_ms, quantile_cont(latency_ms, 0.95) AS latency_p95_ms
FROM main.calls GROUP BY ALL ORDER BY ALL;
COMMENT ON VIEW costs IS 'What each run asked of each model, and for what';
COMMENT ON COLUMN costs.run_id IS 'The run';
COMMENT ON COLUMN costs.model IS 'The model';
COMMENT ON COLUMN costs.purpose IS 'propose, revise, critique, grade ...';
COMMENT ON COLUMN costs.calls IS 'How many calls';
COMMENT ON COLUMN costs.failed_calls IS 'How many of them got no answer';
COMMENT ON COLUMN costs.prompt_tokens IS 'Tokens of all prompts';
COMMENT ON COLUMN costs.completion_tokens IS 'Tokens that the model wrote';
COMMENT ON COLUMN costs.cached_tokens IS 'Tokens of prompts that the provider had cached';
COMMENT ON COLUMN costs.reasoning_tokens IS 'Tokens of thinking';
COMMENT ON COLUMN costs.cost_usd IS 'US dollars, of the calls whose price is known';
COMMENT ON COLUMN costs.calls_without_cost IS 'Answered calls whose price is not known';
COMMENT ON COLUMN costs.latency_ms IS 'Milliseconds a call took, on average';
COMMENT ON COLUMN costs.latency_p95_ms IS 'Milliseconds that 95% of the calls stayed below';

-- The agents' chosen answers, and the calls of all attempts that were made for them, for problems with a known answer.
CREATE VIEW cost_of_right AS
WITH drawn AS MATERIALIZED (
    SELECT s.recipe, s.replicate, s.problem_id, s.chosen, s.correct, s.answer, s.oracle_used
    FROM main.samples s SEMI JOIN (FROM main.problems WHERE answer IS NOT NULL) known USING (problem_id)
), picked AS (
    SELECT recipe, replicate, problem_id, coalesce(bool_or(correct) FILTER (chosen), false) AS correct,
           coalesce(bool_or(correct IS NULL AND answer IS NOT NULL) FILTER (chosen), false) AS undecided,
           bool_or(oracle_used) AS oracle_used
    FROM drawn GROUP BY ALL
), spent AS (
    SELECT c.recipe, c.replicate, count(*) AS calls, sum(c.prompt_tokens)::BIGINT AS prompt_tokens,
           sum(c.completion_tokens)::BIGINT AS completion_tokens, sum(c.cost_usd) AS cost_usd,
           count(*) FILTER (c.cost_usd IS NULL AND c.error IS NULL) AS calls_without_cost
    FROM main.calls c SEMI JOIN (FROM main.problems WHERE answer IS NOT NULL) known USING (problem_id) GROUP BY ALL
), counted AS (
    SELECT recipe, replicate, count(*) AS problems, count(*) FILTER (correct) AS right_answers,
           count(*) FILTER (undecided) AS undecided, bool_or(oracle_used) AS oracle_used
    FROM picked GROUP BY ALL
)
SELECT recipe, replicate, strategy, feedback, model, problems, right_answers, undecided, calls, prompt_tokens,
       completion_tokens, cost_usd, calls_without_cost, calls / nullif(right_answers, 0) AS calls_per_right,
       completion_tokens / nullif(right_answers, 0) AS completion_tokens_per_right,
       CASE WHEN calls_without_cost = 0 THEN cost_usd / nullif(right_answers, 0) END AS usd_per_right, oracle_used
FROM counted JOIN spent USING (recipe, replicate) LEFT JOIN raw.recipes USING (recipe) ORDER BY ALL;
COMMENT ON VIEW cost_of_right IS 'What a right answer costs by strategy: the picks that are right, against every call of the recipe, over problems whose answer is known; what later annotations cost is not in it';
COMMENT ON COLUMN cost_of_right.recipe IS 'The recipe';
COMMENT ON COLUMN cost_of_right.replicate IS 'The replicate';
COMMENT ON COLUMN cost_of_right.strategy IS 'The strategy of the recipe';
COMMENT ON COLUMN cost_of_right.feedback IS 'The feedback of the recipe; NULL if its strategy takes none';
COMMENT ON COLUMN cost_of_right.model IS 'The model of the recipe; the calls are of all models';
COMMENT ON COLUMN cost_of_right.problems IS 'Problems that were tried';
COMMENT ON COLUMN cost_of_right.right_answers IS 'Problems whose pick is right; a problem without a pick has none';
COMMENT ON COLUMN cost_of_right.undecided IS 'Problems whose pick the oracle could not decide; they are not among the right ones';
COMMENT ON COLUMN cost_of_right.calls IS 'Calls to all models, failed ones too';
COMMENT ON COLUMN cost_of_right.prompt_tokens IS 'Tokens of their prompts';
COMMENT ON COLUMN cost_of_right.completion_tokens IS 'Tokens that the models wrote';
COMMENT ON COLUMN cost_of_right.cost_usd IS 'US dollars, of the calls whose price is known';
COMMENT ON COLUMN cost_of_right.calls_without_cost IS 'Answered calls whose price is not known';
COMMENT ON COLUMN cost_of_right.calls_per_right IS 'calls / right_answers; NULL if no answer is right';
COMMENT ON COLUMN cost_of_right.completion_tokens_per_right IS 'completion_tokens / right_answers; NULL if no answer is right';
COMMENT ON COLUMN cost_of_right.usd_per_right IS 'cost_usd / right_answers; NULL if no answer is right, or the price of a call is not known';
COMMENT ON COLUMN cost_of_right.oracle_used IS 'Whether the key was read while any of them was made or chosen';

CREATE VIEW tokens_by_day AS
SELECT answered_at::DATE AS day, model, count(*) AS calls, count(error) AS failed_calls,
       sum(prompt_tokens)::BIGINT AS prompt_tokens, sum(completion_tokens)::BIGINT AS completion_tokens,
       sum(cached_tokens)::BIGINT AS cached_tokens, sum(reasoning_tokens)::BIGINT AS reasoning_tokens,
       sum(cost_usd) AS cost_usd, count(*) FILTER (cost_usd IS NULL AND error IS NULL) AS calls_without_cost
FROM main.calls GROUP BY ALL ORDER BY ALL;
COMMENT ON VIEW tokens_by_day IS 'Calls, tokens and money by day and model';
COMMENT ON COLUMN tokens_by_day.day IS 'The day, UTC, on which the calls were answered or given up';
COMMENT ON COLUMN tokens_by_day.model IS 'The model that was asked';
COMMENT ON COLUMN tokens_by_day.calls IS 'How many calls';
COMMENT ON COLUMN tokens_by_day.failed_calls IS 'How many of them got no answer';
COMMENT ON COLUMN tokens_by_day.prompt_tokens IS 'Tokens of all prompts';
COMMENT ON COLUMN tokens_by_day.completion_tokens IS 'Tokens that the model wrote';
COMMENT ON COLUMN tokens_by_day.cached_tokens IS 'Tokens of prompts that the provider had cached';
COMMENT ON COLUMN tokens_by_day.reasoning_tokens IS 'Tokens of thinking';
COMMENT ON COLUMN tokens_by_day.cost_usd IS 'US dollars, of the calls whose price is known';
COMMENT ON COLUMN tokens_by_day.calls_without_cost IS 'Answered calls whose price is not known';

-- Calls from versions that recorded no times have no kinds of errors, and of each such call without an answer only one
-- failure is known.
CREATE VIEW provider_errors AS
WITH ended AS (
    SELECT date_trunc('hour', coalesce(c.answered_at, p.finished_at)) AS hour, c.model, c.attempts, c.error IS NULL AS cured,
           CASE WHEN c.answered_at IS NULL AND c.error IS NOT NULL THEN MAP {'not recorded': 1}
                ELSE from_json(c.failed_tries, '"MAP(VARCHAR, INTEGER)"') END AS failed
    FROM raw.calls c JOIN raw.commits p USING (commit_id)
), asked AS (
    SELECT hour, model, count(*) AS calls, sum(attempts)::BIGINT AS tries FROM ended GROUP BY ALL
), failures AS (
    SELECT hour, model, cured, unnest(map_entries(failed)) AS failure FROM ended WHERE failed IS NOT NULL
)
SELECT hour, model, failure.key AS kind, sum(failure.value)::BIGINT AS errors,
       coalesce(sum(failure.value) FILTER (cured), 0)::BIGINT AS cured, calls, tries
FROM failures JOIN asked USING (hour, model) GROUP BY ALL ORDER BY ALL;
COMMENT ON VIEW provider_errors IS 'Tries that failed, by hour, model and kind, cured ones too: each is counted in the hour in which its call was answered or given up';
COMMENT ON COLUMN provider_errors.hour IS 'The beginning of the hour, UTC';
COMMENT ON COLUMN provider_errors.model IS 'The model that was asked';
COMMENT ON COLUMN provider_errors.kind IS 'What failed, as in calls.failed_tries; not recorded for calls that were kept without it';
COMMENT ON COLUMN provider_errors.errors IS 'Tries that failed so';
COMMENT ON COLUMN provider_errors.cured IS 'How many of them belong to calls that were answered in the end';
COMMENT ON COLUMN provider_errors.calls IS 'All calls of the hour to the model';
COMMENT ON COLUMN provider_errors.tries IS 'All tries of these calls: errors / tries is the rate of errors';

