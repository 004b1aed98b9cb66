-- Graders of steps beside those that know better, and what a grader's favour costs.

-- The last value that each grader gave of each step of each draft.
CREATE VIEW raw.step_values AS
SELECT trajectory_id, turn, step_id, grader, grader_model, arg_max(value, graded_at) AS value
FROM main.grades WHERE step_id IS NOT NULL AND value IS NOT NULL AND NOT isnan(value) GROUP BY ALL;

CREATE VIEW step_quality AS
WITH pairs AS (
    SELECT g.grader, g.grader_model, r.grader AS reference, g.value, r.value AS truth,
           CASE WHEN r.grader = 'human' THEN r.value >= 0.5 ELSE r.value > 0 END AS good
    FROM raw.step_values g JOIN raw.step_values r USING (trajectory_id, turn, step_id)
    WHERE r.grader IN ('human', 'rollout', 'omegaprm')
        AND (g.grader <> r.grader OR g.grader_model IS DISTINCT FROM r.grader_model)
), ranked AS (
    SELECT *, rank() OVER (each ORDER BY value) + (count(*) OVER (each_value) - 1) / 2 AS place
    FROM pairs WINDOW each AS (PARTITION BY grader, grader_model, reference),
                      each_value AS (PARTITION BY grader, grader_model, reference, value)
), counted AS (
    SELECT grader, grader_model, reference, count(*) AS steps, count(*) FILTER (good) AS good_steps,
           avg(value) AS mean_value, min(value) AS least, max(value) AS most,
           avg((value - truth) * (value - truth)) AS squares,
           avg((value >= 0.5)::INTEGER) FILTER (good) AS recall_good,
           avg((value < 0.5)::INTEGER) FILTER (NOT good) AS recall_bad,
           avg(((value >= 0.5) = good)::INTEGER) AS hits, sum(place) FILTER (good) AS places
    FROM ranked GROUP BY ALL
)
SELECT grader, grader_model, reference, steps, good_steps, mean_value,
       CASE WHEN least >= 0 AND most <= 1 THEN squares END AS brier,
       CASE WHEN least >= 0 AND most <= 1 THEN hits END AS accuracy,
       CASE WHEN least >= 0 AND most <= 1 THEN (recall_good + recall_bad) / 2 END AS balanced_accuracy,
       (places - good_steps * (good_steps + 1) / 2) / nullif(good_steps * (steps - good_steps), 0) AS auc
FROM counted ORDER BY ALL;

-- What a critic said of a step, and what became of it: of all drafts and rollouts of its search that have the step.
CREATE VIEW critic_quality AS
WITH said AS (
    SELECT DISTINCT ON (g.unit_id, g.step_id, g.grader_model) g.unit_id, g.step_id, g.grader_model, g.verdict
    FROM main.grades g WHERE g.grader = 'critic' AND g.step_id IS NOT NULL
    ORDER BY g.unit_id, g.step_id, g.grader_model, g.graded_at DESC
), ends AS (
    SELECT d.unit_id, d.leaf_step_id, d.correct FROM main.turns d
    WHERE d.leaf_step_id IS NOT NULL AND d.correct IS NOT NULL GROUP BY ALL
), told AS (
    SELECT s.*, coalesce(bool_or(e.correct) FILTER (e.leaf_step_id = s.step_id), false) AS solved,
           bool_or(e.correct) AS any_right
    FROM said s JOIN ends e
        ON e.unit_id = s.unit_id AND (e.leaf_step_id = s.step_id OR starts_with(e.leaf_step_id, s.step_id || '.'))
    GROUP BY ALL
), judged AS (
    SELECT unit_id, grader_model, 'finished' AS decision, verdict = 'right' AS said, solved AS holds FROM told
    UNION ALL
    SELECT unit_id, grader_model, 'hopeless', verdict = 'wrong', NOT any_right FROM told
)
SELECT p.recipe, p.replicate, r.strategy, r.model, j.grader_model, j.decision, count(*) AS steps,
       count(*) FILTER (j.holds) AS holds, count(*) FILTER (j.said) AS said,
       count(*) FILTER (j.said AND j.holds) AS said_rightly,
       count(*) FILTER (j.said AND j.holds) / nullif(count(*) FILTER (j.said), 0) AS precision,
       count(*) FILTER (j.said AND j.holds) / nullif(count(*) FILTER (j.holds), 0) AS recall
FROM judged j JOIN raw.published p USING (unit_id) LEFT JOIN raw.recipes r USING (recipe)
GROUP BY ALL ORDER BY ALL;

-- Independent samples that were judged, each with the value that a grader gave it and its tokens.
CREATE VIEW raw.valued AS
WITH scores AS (
    SELECT trajectory_id, turn, grader, grader_model, arg_max(value, graded_at) AS value
    FROM main.grades WHERE step_id IS NULL AND value IS NOT NULL AND NOT isnan(value) AND grader <> 'oracle' GROUP BY ALL
)
SELECT d.recipe, d.replicate, d.problem_id, d.draft, d.trajectory_id, d.turn, v.grader, v.grader_model, v.value, d.correct,
       w.tokens
FROM raw.drafts d JOIN scores v USING (trajectory_id, turn) LEFT JOIN raw.written w USING (trajectory_id, turn)
WHERE d.correct IS NOT NULL;

-- The best of k by a grader: what it thinks of its choice, and how often that is right, exactly over all choices of k.
CREATE VIEW reward_by_n AS
WITH ties AS (
    SELECT recipe, replicate, draft, problem_id, grader, grader_model, value, count(*) AS size,
           avg(correct::INTEGER) AS correct
    FROM raw.valued GROUP BY ALL
), placed AS (
    SELECT *, sum(size) OVER (problem ORDER BY value DESC) AS stop, sum(size) OVER problem AS n
    FROM ties WINDOW problem AS (PARTITION BY recipe, replicate, draft, problem_id, grader, grader_model)
), sizes AS (
    SELECT recipe, replicate, draft, grader, grader_model, unnest(raw.powers_and(max(n)::BIGINT)) AS k
    FROM placed GROUP BY ALL
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

CREATE VIEW grader_bias AS
WITH doubted AS (
    SELECT trajectory_id, turn, grader, grader_model, min(value) AS least FROM raw.step_values
    WHERE value BETWEEN 0 AND 1 GROUP BY ALL
), centred AS (
    SELECT v.*, d.least, v.value - avg(v.value) OVER problem AS over, v.tokens - avg(v.tokens) OVER problem AS longer,
           v.correct::INTEGER - avg(v.correct::INTEGER) OVER problem AS righter
    FROM raw.valued v LEFT JOIN doubted d ON d.trajectory_id = v.trajectory_id AND d.turn = v.turn
        AND d.grader = v.grader AND d.grader_model IS NOT DISTINCT FROM v.grader_model
    WHERE isfinite(v.value)
    WINDOW problem AS (PARTITION BY v.recipe, v.replicate, v.draft, v.problem_id, v.grader, v.grader_model)
)
SELECT recipe, replicate, strategy, model, draft, grader, grader_model, count(*) AS drafts,
       avg(value) FILTER (correct) AS value_right, avg(value) FILTER (NOT correct) AS value_wrong,
       CASE WHEN stddev_pop(over) > 1e-12 AND stddev_pop(longer) > 1e-12 THEN corr(over, longer) END AS length_value,
       CASE WHEN stddev_pop(righter) > 1e-12 AND stddev_pop(longer) > 1e-12 THEN corr(righter, longer) END AS length_right,
       count(least) FILTER (correct) AS right_with_steps,
       count(*) FILTER (correct AND least < 0.5) AS right_with_bad_steps
FROM centred LEFT JOIN raw.recipes USING (recipe) GROUP BY ALL ORDER BY ALL;

COMMENT ON VIEW raw.step_values IS 'The last value that each grader gave of each step';
COMMENT ON VIEW raw.valued IS 'Independent samples with a grader''s value and their tokens';

COMMENT ON VIEW step_quality IS 'How well a grader''s values of steps agree with those of people, or of rollouts';
COMMENT ON COLUMN step_quality.grader IS 'Whose values';
COMMENT ON COLUMN step_quality.grader_model IS 'The model that it asked';
COMMENT ON COLUMN step_quality.reference IS 'Who knows better: human, rollout or omegaprm';
COMMENT ON COLUMN step_quality.steps IS 'Steps that both have a value of';
COMMENT ON COLUMN step_quality.good_steps IS 'Steps that are good: right by people, or some rollout from them goes right';
COMMENT ON COLUMN step_quality.mean_value IS 'Mean of the grader''s values';
COMMENT ON COLUMN step_quality.brier IS 'Mean squared difference of the two values; NULL for a grader whose values are no probabilities';
COMMENT ON COLUMN step_quality.accuracy IS 'Share of steps where a value of at least 0.5 says what the reference says';
COMMENT ON COLUMN step_quality.balanced_accuracy IS 'The mean of that share over good steps and over bad ones';
COMMENT ON COLUMN step_quality.auc IS 'Chance that a good step has a higher value than a bad one, equal values counting half';

COMMENT ON VIEW critic_quality IS 'How far a critic''s decisions hold: finished against the answer at that step, hopeless against everything that went on from it';
COMMENT ON COLUMN critic_quality.recipe IS 'The recipe of the searches';
COMMENT ON COLUMN critic_quality.replicate IS 'Their replicate';
COMMENT ON COLUMN critic_quality.strategy IS 'Their strategy';
COMMENT ON COLUMN critic_quality.model IS 'Their model';
COMMENT ON COLUMN critic_quality.grader_model IS 'The model that the critic asked';
COMMENT ON COLUMN critic_quality.decision IS 'finished or hopeless';
COMMENT ON COLUMN critic_quality.steps IS 'Steps that the critic was asked about and that led to a judged answer';
COMMENT ON COLUMN critic_quality.holds IS 'Steps of which the decision would have been true: a right answer at the step; no right answer at it or below it';
COMMENT ON COLUMN critic_quality.said IS 'Steps of which the critic decided so';
COMMENT ON COLUMN critic_quality.said_rightly IS 'Steps of which it decided so and was right';
COMMENT ON COLUMN critic_quality.precision IS 'said_rightly / said';
COMMENT ON COLUMN critic_quality.recall IS 'said_rightly / holds';

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

COMMENT ON VIEW grader_bias IS 'What else than being right a grader favours: length, and right answers whose steps it doubts';
COMMENT ON COLUMN grader_bias.recipe IS 'The recipe of the samples';
COMMENT ON COLUMN grader_bias.replicate IS 'Their replicate';
COMMENT ON COLUMN grader_bias.strategy IS 'Their strategy';
COMMENT ON COLUMN grader_bias.model IS 'Their model';
COMMENT ON COLUMN grader_bias.draft IS 'first or last draft of each sample';
COMMENT ON COLUMN grader_bias.grader IS 'Who judges';
COMMENT ON COLUMN grader_bias.grader_model IS 'The model that the grader asked';
COMMENT ON COLUMN grader_bias.drafts IS 'Drafts with a value, judged by the oracle';
COMMENT ON COLUMN grader_bias.value_right IS 'Mean value of right drafts';
COMMENT ON COLUMN grader_bias.value_wrong IS 'Mean value of wrong drafts';
COMMENT ON COLUMN grader_bias.length_value IS 'Correlation of value and tokens among the drafts of one problem';
COMMENT ON COLUMN grader_bias.length_right IS 'Correlation of being right and tokens, likewise: what of the former is deserved';
COMMENT ON COLUMN grader_bias.right_with_steps IS 'Right drafts whose steps have values in [0, 1]';
COMMENT ON COLUMN grader_bias.right_with_bad_steps IS 'Those of them with a step below 0.5: right answers by wrong steps, if the grader is to be believed';
