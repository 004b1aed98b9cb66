-- What strategies drew apart from rollouts, when calls were answered and what they met on the way, and what analysts ask.

ALTER TABLE raw.calls ADD COLUMN answered_at TIMESTAMP;
ALTER TABLE raw.calls ADD COLUMN failed_tries JSON;

CREATE OR REPLACE VIEW calls AS
SELECT c.call_id, p.run_id, p.problem_id, c.purpose, c.model, c.prompt_hash, c.params, c.prompt_tokens,
       c.completion_tokens, c.cached_tokens, c.reasoning_tokens, c.cost_usd, c.latency_ms, c.attempts, c.finish_reason,
       c.error, c.place, c.first_sample, c.n, c.response, c.unit_id, c.attempt, p.recipe, p.replicate,
       coalesce(c.answered_at, p.finished_at) AS answered_at, c.failed_tries
FROM raw.calls c JOIN raw.commits p USING (unit_id, attempt);

CREATE VIEW samples AS
SELECT trajectory_id, run_id, problem_id, sample, role, leaf_step_id, turns, text, answer, correct, score, chosen, stop,
       tokens, oracle_used, reason, unit_id, recipe, replicate
FROM main.trajectories WHERE role <> 'rollout';

-- DuckDB 2.0 groups by no unnest(): the sizes are counted first, and spread out then.
CREATE OR REPLACE VIEW raw.drafts AS
SELECT unnest(CASE WHEN turn < turns THEN ['first'] WHEN turn > 1 THEN ['last'] ELSE ['first', 'last'] END) AS draft, *
FROM raw.sampled WHERE turn = 1 OR turn = turns
UNION ALL
SELECT 'first' AS draft, * FROM raw.outlived;

CREATE OR REPLACE VIEW pass_at_k AS
WITH counted AS (
    SELECT recipe, replicate, draft, problem_id, count(correct) AS n, count(*) FILTER (correct) AS c,
           count(*) - count(correct) AS undecided, bool_or(oracle_used) AS oracle_used
    FROM raw.drafts GROUP BY ALL HAVING count(correct) > 0
), most AS (
    SELECT recipe, replicate, draft, max(n) AS n FROM counted GROUP BY ALL
), sizes AS (
    SELECT recipe, replicate, draft, unnest(raw.powers_and(n)) AS k FROM most
)
SELECT recipe, replicate, strategy, feedback, model, draft, k, avg(1 - raw.choose_ratio(n - c, n, k)) AS pass_at_k, count(*) AS problems,
       sum(n)::BIGINT AS samples, sum(undecided)::BIGINT AS undecided, bool_or(oracle_used) AS oracle_used
FROM counted JOIN sizes USING (recipe, replicate, draft) LEFT JOIN raw.recipes USING (recipe) WHERE k <= n
GROUP BY ALL ORDER BY ALL;

CREATE OR REPLACE VIEW best_of_n AS
WITH scores AS (
    SELECT trajectory_id, turn, grader, grader_model, arg_max(value, graded_at) AS value
    FROM main.grades WHERE step_id IS NULL AND value IS NOT NULL AND NOT isnan(value) GROUP BY ALL
), judged AS (
    SELECT DISTINCT d.recipe, d.replicate, d.draft, d.problem_id, v.grader, v.grader_model
    FROM raw.drafts d JOIN scores v USING (trajectory_id, turn)
), scored AS (
    SELECT j.*, d.oracle_used, CASE WHEN d.answer IS NULL THEN NULL ELSE v.value END AS score,
           CASE WHEN v.value IS NULL THEN 0 ELSE d.correct::INTEGER END AS correct
    FROM judged j JOIN raw.drafts d USING (recipe, replicate, draft, problem_id)
    LEFT JOIN scores v ON v.trajectory_id = d.trajectory_id AND v.turn = d.turn AND v.grader = j.grader
        AND v.grader_model IS NOT DISTINCT FROM j.grader_model
    WHERE d.correct IS NOT NULL
), ties AS (
    SELECT recipe, replicate, draft, problem_id, grader, grader_model, score, count(*) AS size, avg(correct) AS correct,
           bool_or(oracle_used) AS oracle_used
    FROM scored GROUP BY ALL
), placed AS (
    SELECT *, sum(size) OVER (problem ORDER BY score DESC NULLS LAST) AS stop, sum(size) OVER problem AS n
    FROM ties WINDOW problem AS (PARTITION BY recipe, replicate, draft, problem_id, grader, grader_model)
), most AS (
    SELECT recipe, replicate, draft, grader, grader_model, max(n) AS n FROM placed GROUP BY ALL
), sizes AS (
    SELECT recipe, replicate, draft, grader, grader_model, unnest(raw.powers_and(n)) AS k FROM most
), expected AS (
    SELECT p.recipe, p.replicate, p.draft, p.grader, p.grader_model, s.k, p.problem_id, any_value(n) AS n,
           sum(correct * (raw.choose_ratio(n - stop + size, n, k) - raw.choose_ratio(n - stop, n, k))) AS accuracy,
           bool_or(oracle_used) AS oracle_used
    FROM placed p JOIN sizes s ON p.recipe = s.recipe AND p.replicate = s.replicate AND p.draft = s.draft
        AND p.grader = s.grader AND p.grader_model IS NOT DISTINCT FROM s.grader_model AND s.k <= p.n
    GROUP BY ALL
)
SELECT recipe, replicate, strategy, feedback, model, draft, grader, grader_model, k, avg(accuracy) AS accuracy, count(*) AS problems,
       sum(n)::BIGINT AS samples, bool_or(oracle_used) AS oracle_used
FROM expected LEFT JOIN raw.recipes USING (recipe) GROUP BY ALL ORDER BY ALL;

CREATE OR REPLACE VIEW reward_by_n AS
WITH ties AS (
    SELECT recipe, replicate, draft, problem_id, grader, grader_model, value, count(*) AS size,
           avg(correct::INTEGER) AS correct
    FROM raw.valued GROUP BY ALL
), placed AS (
    SELECT *, sum(size) OVER (problem ORDER BY value DESC) AS stop, sum(size) OVER problem AS n
    FROM ties WINDOW problem AS (PARTITION BY recipe, replicate, draft, problem_id, grader, grader_model)
), most AS (
    SELECT recipe, replicate, draft, grader, grader_model, max(n)::BIGINT AS n FROM placed GROUP BY ALL
), sizes AS (
    SELECT recipe, replicate, draft, grader, grader_model, unnest(raw.powers_and(n)) AS k FROM most
), weighed AS (
    SELECT p.*, s.k, raw.choose_ratio(n - stop + size, n, s.k) - raw.choose_ratio(n - stop, n, s.k) AS chance
    FROM placed p JOIN sizes s ON p.recipe = s.recipe AND p.replicate = s.replicate AND p.draft = s.draft
        AND p.grader = s.grader AND p.grader_model IS NOT DISTINCT FROM s.grader_model AND s.k <= p.n
), problems AS (
    SELECT recipe, replicate, draft, grader, grader_model, k, problem_id, sum(chance * value) AS value,
           sum(chance * correct) AS accuracy
    FROM weighed GROUP BY ALL
)
SELECT recipe, replicate, strategy, model, draft, grader, grader_model, k, avg(value) AS value, avg(accuracy) AS accuracy,
       count(*) AS problems
FROM problems LEFT JOIN raw.recipes USING (recipe) GROUP BY ALL ORDER BY ALL;

-- Picks against everything that was asked for them, by all attempts, of the problems whose answer is known.
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

-- Steps fail by people and reward models below 0.5, and by rollouts if none of them goes right, as in step_quality.
CREATE VIEW first_errors AS
WITH judged AS (
    SELECT *, CASE WHEN grader IN ('rollout', 'omegaprm') THEN value = 0 ELSE value < 0.5 END AS failing
    FROM raw.step_values WHERE grader NOT IN ('likelihood', 'likelihood_sum') AND value BETWEEN 0 AND 1
), numbered AS (
    SELECT p.run_id, p.problem_id, d.trajectory_id, d.turn, s.step_id, s.text,
           row_number() OVER (draft ORDER BY s.depth) AS number, count(*) OVER draft AS steps
    FROM raw.turns d SEMI JOIN judged j ON j.trajectory_id = d.trajectory_id AND j.turn = d.turn
    JOIN raw.published p USING (unit_id, attempt)
    JOIN raw.trajectories t ON t.unit_id = d.unit_id AND t.attempt = d.attempt AND t.trajectory_id = d.trajectory_id
    JOIN raw.steps s ON s.unit_id = d.unit_id AND s.attempt = d.attempt AND s.turn = d.turn AND s."by" = 'model'
        AND starts_with(d.leaf_step_id || '.', s.step_id || '.')
    WHERE t.role <> 'rollout' WINDOW draft AS (PARTITION BY d.unit_id, d.trajectory_id, d.turn)
), found AS (
    SELECT n.run_id, n.problem_id, n.trajectory_id, n.turn, j.grader, j.grader_model, any_value(n.steps) AS steps,
           count(*) AS judged_steps, min(n.number) FILTER (j.failing) AS first_error,
           arg_min(n.step_id, n.number) FILTER (j.failing) AS step_id, arg_min(n.text, n.number) FILTER (j.failing) AS text
    FROM numbered n JOIN judged j USING (trajectory_id, turn, step_id) GROUP BY ALL
)
SELECT f.run_id, f.problem_id, f.trajectory_id, f.turn, f.grader, f.grader_model, o.correct, f.steps, f.judged_steps,
       f.first_error, f.step_id, f.text
FROM found f LEFT JOIN raw.oracle o USING (trajectory_id, turn);

-- All right answers are one answer, however they are spelt. With n samples of which n_i give answer i, the entropy is
-- log2 n - sum(n_i log2 n_i) / n, and two of them differ with the chance 1 - sum(n_i (n_i - 1)) / (n (n - 1)).
CREATE VIEW answer_diversity AS
WITH drawn AS (
    SELECT run_id, recipe, replicate, problem_id, text, CASE WHEN correct THEN 'right' ELSE 'other ' || answer END AS answer
    FROM main.trajectories WHERE role = 'sample' AND stop IS DISTINCT FROM 'failed'
), counted AS (
    SELECT run_id, problem_id, answer, count(*) AS n FROM drawn WHERE answer IS NOT NULL GROUP BY ALL
), answered AS (
    SELECT run_id, problem_id, sum(n) AS n, count(*) AS answers, max(n) / sum(n) AS majority,
           greatest(log2(sum(n)) - sum(n * log2(n)) / sum(n), 0) AS entropy_bits,
           1 - sum(n * (n - 1)) / (sum(n) * (sum(n) - 1)) AS differ
    FROM counted GROUP BY ALL HAVING sum(n) > 1
), texts AS (
    SELECT run_id, any_value(recipe) AS recipe, any_value(replicate) AS replicate, problem_id, count(*) AS samples,
           count(*) - count(answer) AS no_answer, count(DISTINCT text) / count(*) AS distinct_texts
    FROM drawn GROUP BY run_id, problem_id
)
SELECT run_id, any_value(recipe) AS recipe, any_value(replicate) AS replicate, any_value(strategy) AS strategy,
       any_value(feedback) AS feedback, any_value(model) AS model, count(*) AS problems, sum(samples)::BIGINT AS samples,
       sum(no_answer)::BIGINT AS no_answer, avg(answers) AS answers, avg(majority) AS majority,
       avg(entropy_bits) AS entropy_bits, avg(differ) AS differ, avg(distinct_texts) AS distinct_texts
FROM answered JOIN texts USING (run_id, problem_id) LEFT JOIN raw.recipes USING (recipe)
GROUP BY run_id ORDER BY run_id;

-- Two drafts have the same beginning as long as their steps are the same to the letter.
CREATE VIEW diversity AS
WITH begun AS (
    SELECT p.recipe, p.replicate, p.problem_id, s.depth, count(*) AS samples, count(DISTINCT s.prefix_key) AS beginnings
    FROM raw.trajectories t JOIN raw.published p USING (unit_id, attempt)
    JOIN raw.turns d ON d.unit_id = t.unit_id AND d.attempt = t.attempt AND d.trajectory_id = t.trajectory_id
    JOIN raw.steps s ON s.unit_id = d.unit_id AND s.attempt = d.attempt AND s.turn = 1
        AND starts_with(d.leaf_step_id || '.', s.step_id || '.')
    WHERE t.role = 'sample' AND t.stop IS DISTINCT FROM 'failed' AND d.turn = 1 GROUP BY ALL HAVING count(*) > 1
)
SELECT recipe, replicate, strategy, feedback, model, depth, count(*) AS problems, sum(samples)::BIGINT AS samples,
       avg(beginnings) AS beginnings, avg(beginnings / samples) AS share
FROM begun LEFT JOIN raw.recipes USING (recipe) GROUP BY ALL ORDER BY ALL;

CREATE VIEW tokens_by_day AS
SELECT answered_at::DATE AS day, model, count(*) AS calls, count(error) AS failed_calls,
       sum(prompt_tokens)::BIGINT AS prompt_tokens, sum(completion_tokens)::BIGINT AS completion_tokens,
       sum(cached_tokens)::BIGINT AS cached_tokens, sum(reasoning_tokens)::BIGINT AS reasoning_tokens,
       sum(cost_usd) AS cost_usd, count(*) FILTER (cost_usd IS NULL AND error IS NULL) AS calls_without_cost
FROM main.calls GROUP BY ALL ORDER BY ALL;

-- Calls that were kept before there were times have no kinds, and only one failure is known of each that got no answer.
CREATE VIEW provider_errors AS
WITH ended AS (
    SELECT date_trunc('hour', coalesce(c.answered_at, p.finished_at)) AS hour, c.model, c.attempts, c.error IS NULL AS cured,
           CASE WHEN c.answered_at IS NULL AND c.error IS NOT NULL THEN MAP {'not recorded': 1}
                ELSE from_json(c.failed_tries, '"MAP(VARCHAR, INTEGER)"') END AS failed
    FROM raw.calls c JOIN raw.commits p USING (unit_id, attempt)
), asked AS (
    SELECT hour, model, count(*) AS calls, sum(attempts)::BIGINT AS tries FROM ended GROUP BY ALL
), failures AS (
    SELECT hour, model, cured, unnest(map_entries(failed)) AS failure FROM ended WHERE failed IS NOT NULL
)
SELECT hour, model, failure.key AS kind, sum(failure.value)::BIGINT AS errors,
       coalesce(sum(failure.value) FILTER (cured), 0)::BIGINT AS cured, calls, tries
FROM failures JOIN asked USING (hour, model) GROUP BY ALL ORDER BY ALL;

COMMENT ON VIEW calls IS 'One request to a model, of every attempt: all were paid';
COMMENT ON COLUMN calls.call_id IS 'The call';
COMMENT ON COLUMN calls.run_id IS 'The run that published it';
COMMENT ON COLUMN calls.problem_id IS 'The problem it was about';
COMMENT ON COLUMN calls.purpose IS 'propose, revise, critique, grade ...';
COMMENT ON COLUMN calls.model IS 'The model that was asked';
COMMENT ON COLUMN calls.prompt_hash IS 'A hash of the prompt';
COMMENT ON COLUMN calls.params IS 'Temperature, limits and whatever else was asked for, as JSON';
COMMENT ON COLUMN calls.prompt_tokens IS 'Tokens of the prompt';
COMMENT ON COLUMN calls.completion_tokens IS 'Tokens that the model wrote';
COMMENT ON COLUMN calls.cached_tokens IS 'Tokens of the prompt that the provider had cached';
COMMENT ON COLUMN calls.reasoning_tokens IS 'Tokens of thinking that is not in the answer';
COMMENT ON COLUMN calls.cost_usd IS 'US dollars; NULL where the price is not known';
COMMENT ON COLUMN calls.latency_ms IS 'Milliseconds from asking to the answer, of the last try';
COMMENT ON COLUMN calls.attempts IS 'How often it was sent until it was answered';
COMMENT ON COLUMN calls.finish_reason IS 'Why the model stopped writing';
COMMENT ON COLUMN calls.error IS 'Why there is no answer; NULL where there is one';
COMMENT ON COLUMN calls.place IS 'The step below which its samples hang';
COMMENT ON COLUMN calls.first_sample IS 'The number of its first sample among those asked for at that place';
COMMENT ON COLUMN calls.n IS 'How many samples were asked for';
COMMENT ON COLUMN calls.response IS 'Its samples, as JSON';
COMMENT ON COLUMN calls.unit_id IS 'The unit of work';
COMMENT ON COLUMN calls.attempt IS 'The attempt at the unit that published it, from 1';
COMMENT ON COLUMN calls.recipe IS 'The recipe of its run';
COMMENT ON COLUMN calls.replicate IS 'The replicate: the same recipe run anew';
COMMENT ON COLUMN calls.answered_at IS 'When it was answered, or given up, UTC; of calls that were kept without a time, when their unit of work had ended';
COMMENT ON COLUMN calls.failed_tries IS 'How many of its tries failed, by their kind, as JSON: the HTTP status ("HTTP 429"), timeout, broken connection, bad reply, empty reply, down (nobody listens) or another cause; NULL if none failed';
COMMENT ON COLUMN raw.calls.answered_at IS 'When it was answered, or given up, UTC; NULL of calls that were kept without a time';

COMMENT ON VIEW raw.drafts IS 'The first and the last draft of each independent sample that neither failed nor was cut short, and the first draft of each that failed in a later turn';

COMMENT ON VIEW pass_at_k IS 'The chance that k independent samples of a problem hold a right one: unbiased, 1 - C(n-c,k)/C(n,k) (Chen et al. 2021), averaged over problems';
COMMENT ON COLUMN pass_at_k.recipe IS 'The recipe';
COMMENT ON COLUMN pass_at_k.replicate IS 'The replicate';
COMMENT ON COLUMN pass_at_k.strategy IS 'The strategy of the recipe';
COMMENT ON COLUMN pass_at_k.feedback IS 'The feedback of the recipe; NULL where its strategy takes none';
COMMENT ON COLUMN pass_at_k.model IS 'The model of the recipe';
COMMENT ON COLUMN pass_at_k.draft IS 'first or last draft of each sample';
COMMENT ON COLUMN pass_at_k.k IS 'How many samples: the powers of two, and all there are';
COMMENT ON COLUMN pass_at_k.pass_at_k IS 'The chance, in [0, 1]';
COMMENT ON COLUMN pass_at_k.problems IS 'How many problems have k samples or more';
COMMENT ON COLUMN pass_at_k.samples IS 'How many samples they have; failed and undecided ones are left out, a first draft with a later turn that failed is not';
COMMENT ON COLUMN pass_at_k.undecided IS 'How many samples the oracle could not decide';
COMMENT ON COLUMN pass_at_k.oracle_used IS 'Whether the key was read while any of them was made or chosen';

COMMENT ON VIEW best_of_n IS 'Accuracy of the best of k samples by each grader: the exact expectation over all choices of k, ties averaged, averaged over problems';
COMMENT ON COLUMN best_of_n.recipe IS 'The recipe';
COMMENT ON COLUMN best_of_n.replicate IS 'The replicate';
COMMENT ON COLUMN best_of_n.strategy IS 'The strategy of the recipe';
COMMENT ON COLUMN best_of_n.feedback IS 'The feedback of the recipe; NULL where its strategy takes none';
COMMENT ON COLUMN best_of_n.model IS 'The model of the recipe';
COMMENT ON COLUMN best_of_n.draft IS 'first or last draft of each sample';
COMMENT ON COLUMN best_of_n.grader IS 'Whose scores choose';
COMMENT ON COLUMN best_of_n.grader_model IS 'The model that the grader asked';
COMMENT ON COLUMN best_of_n.k IS 'How many samples are chosen from: the powers of two, and all there are';
COMMENT ON COLUMN best_of_n.accuracy IS 'The chance that the chosen one is right, in [0, 1]; a sample without a score or an answer is chosen last and counts as wrong';
COMMENT ON COLUMN best_of_n.problems IS 'How many problems have k samples or more';
COMMENT ON COLUMN best_of_n.samples IS 'How many samples they have; failed and undecided ones are left out';
COMMENT ON COLUMN best_of_n.oracle_used IS 'Whether the key was read while any of them was made or chosen';

COMMENT ON VIEW reward_by_n IS 'What a grader thinks of its best of k samples, and how often that one is right: where value rises and accuracy falls, it is fooled';
COMMENT ON COLUMN reward_by_n.recipe IS 'The recipe of the samples';
COMMENT ON COLUMN reward_by_n.replicate IS 'Their replicate';
COMMENT ON COLUMN reward_by_n.strategy IS 'Their strategy';
COMMENT ON COLUMN reward_by_n.model IS 'Their model';
COMMENT ON COLUMN reward_by_n.draft IS 'first or last draft of each sample';
COMMENT ON COLUMN reward_by_n.grader IS 'Who chooses';
COMMENT ON COLUMN reward_by_n.grader_model IS 'The model that the grader asked';
COMMENT ON COLUMN reward_by_n.k IS 'Samples to choose from';
COMMENT ON COLUMN reward_by_n.value IS 'Expected value of the chosen one';
COMMENT ON COLUMN reward_by_n.accuracy IS 'Expected share of right ones among the chosen, ties shared out';
COMMENT ON COLUMN reward_by_n.problems IS 'Problems with at least k samples that have a value';

COMMENT ON VIEW samples IS 'A path from question to answer that a strategy drew: trajectories without the rollouts that only estimate values';
COMMENT ON COLUMN samples.trajectory_id IS 'The trajectory: unit:sample, or its last step in a search';
COMMENT ON COLUMN samples.run_id IS 'The run that published it';
COMMENT ON COLUMN samples.problem_id IS 'The problem it works on';
COMMENT ON COLUMN samples.sample IS 'Its number among the independent samples of its unit';
COMMENT ON COLUMN samples.role IS 'sample (drawn independently) or search: pass@k and votes count the former only';
COMMENT ON COLUMN samples.leaf_step_id IS 'Its last step';
COMMENT ON COLUMN samples.turns IS 'How many drafts it has';
COMMENT ON COLUMN samples.text IS 'Its last draft, exactly';
COMMENT ON COLUMN samples.answer IS 'The answer of its last draft; NULL where none could be read';
COMMENT ON COLUMN samples.correct IS 'Whether the oracle found the last answer right afterwards; NULL where it was not asked or could not tell';
COMMENT ON COLUMN samples.score IS 'What the grader that chose among the trajectories gave it';
COMMENT ON COLUMN samples.chosen IS 'Whether it is what the strategy answers with';
COMMENT ON COLUMN samples.stop IS 'Why it ended: answered, critic, threshold (its grade is high enough), agreed (two drafts in turn gave one answer), budget, length, dead_end or failed';
COMMENT ON COLUMN samples.tokens IS 'Tokens of all its steps';
COMMENT ON COLUMN samples.oracle_used IS 'Whether the key was read while it was made or chosen';
COMMENT ON COLUMN samples.reason IS 'Why, in words, where there is more to say: which call failed, which limit was reached, what the critic said';
COMMENT ON COLUMN samples.unit_id IS 'The unit of work: a hash of recipe, problem and replicate';
COMMENT ON COLUMN samples.recipe IS 'The recipe of its run';
COMMENT ON COLUMN samples.replicate IS 'The replicate: the same recipe run anew';

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

COMMENT ON VIEW first_errors IS 'The first failing step of each draft whose steps were judged, by each grader of steps: a value below 0.5, and for rollouts the value 0';
COMMENT ON COLUMN first_errors.run_id IS 'The run that published the draft';
COMMENT ON COLUMN first_errors.problem_id IS 'The problem that the draft solves';
COMMENT ON COLUMN first_errors.trajectory_id IS 'The trajectory';
COMMENT ON COLUMN first_errors.turn IS 'Which draft, from 1';
COMMENT ON COLUMN first_errors.grader IS 'Who judged its steps: human, rollout, prm ...; log-probabilities are no judgement';
COMMENT ON COLUMN first_errors.grader_model IS 'The model that the grader asked, or the name of the person';
COMMENT ON COLUMN first_errors.correct IS 'Whether the oracle found the draft''s answer right; NULL if it was not asked or could not tell';
COMMENT ON COLUMN first_errors.steps IS 'Steps of the draft';
COMMENT ON COLUMN first_errors.judged_steps IS 'How many of them the grader judged';
COMMENT ON COLUMN first_errors.first_error IS 'The number of the first failing step, from 1; NULL if none of those that were judged fails';
COMMENT ON COLUMN first_errors.step_id IS 'That step';
COMMENT ON COLUMN first_errors.text IS 'Its text';

COMMENT ON VIEW answer_diversity IS 'How different the answers to one problem are, by run: means over problems with at least two independent samples that have an answer; failed samples are left out, and all right answers are one answer';
COMMENT ON COLUMN answer_diversity.run_id IS 'The run that published the samples';
COMMENT ON COLUMN answer_diversity.recipe IS 'Its recipe';
COMMENT ON COLUMN answer_diversity.replicate IS 'The replicate';
COMMENT ON COLUMN answer_diversity.strategy IS 'The strategy of the recipe';
COMMENT ON COLUMN answer_diversity.feedback IS 'The feedback of the recipe; NULL if its strategy takes none';
COMMENT ON COLUMN answer_diversity.model IS 'The model of the recipe';
COMMENT ON COLUMN answer_diversity.problems IS 'Problems with at least two samples that have an answer';
COMMENT ON COLUMN answer_diversity.samples IS 'Their samples';
COMMENT ON COLUMN answer_diversity.no_answer IS 'Samples whose answer could not be read; they are no answer of their own';
COMMENT ON COLUMN answer_diversity.answers IS 'Different answers to a problem';
COMMENT ON COLUMN answer_diversity.majority IS 'Share of the most frequent answer: 1 if all agree';
COMMENT ON COLUMN answer_diversity.entropy_bits IS 'Shannon entropy of the answers in bits: 0 if all agree';
COMMENT ON COLUMN answer_diversity.differ IS 'The chance that two samples of a problem give different answers';
COMMENT ON COLUMN answer_diversity.distinct_texts IS 'Different last drafts as a share of the samples: 1 if no two are the same to the letter';

COMMENT ON VIEW diversity IS 'Where the first drafts of one problem part: how many different beginnings they have up to each step, over problems with at least two independent samples that are so long; failed samples are left out';
COMMENT ON COLUMN diversity.recipe IS 'The recipe';
COMMENT ON COLUMN diversity.replicate IS 'The replicate';
COMMENT ON COLUMN diversity.strategy IS 'The strategy of the recipe';
COMMENT ON COLUMN diversity.feedback IS 'The feedback of the recipe; NULL if its strategy takes none';
COMMENT ON COLUMN diversity.model IS 'The model of the recipe';
COMMENT ON COLUMN diversity.depth IS 'The number of steps that are compared, from the first';
COMMENT ON COLUMN diversity.problems IS 'Problems with at least two drafts of so many steps';
COMMENT ON COLUMN diversity.samples IS 'Their drafts of so many steps';
COMMENT ON COLUMN diversity.beginnings IS 'Different beginnings of a problem''s drafts, on average';
COMMENT ON COLUMN diversity.share IS 'The same as a share of the drafts: 1 if no two begin alike';

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

COMMENT ON VIEW provider_errors IS 'Tries that failed, by hour, model and kind, cured ones too: each is counted in the hour in which its call was answered or given up';
COMMENT ON COLUMN provider_errors.hour IS 'The beginning of the hour, UTC';
COMMENT ON COLUMN provider_errors.model IS 'The model that was asked';
COMMENT ON COLUMN provider_errors.kind IS 'What failed, as in calls.failed_tries; not recorded for calls that were kept without it';
COMMENT ON COLUMN provider_errors.errors IS 'Tries that failed so';
COMMENT ON COLUMN provider_errors.cured IS 'How many of them belong to calls that were answered in the end';
COMMENT ON COLUMN provider_errors.calls IS 'All calls of the hour to the model';
COMMENT ON COLUMN provider_errors.tries IS 'All tries of these calls: errors / tries is the rate of errors';
