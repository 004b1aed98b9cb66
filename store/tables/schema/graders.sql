-- Values of consecutive steps.
CREATE VIEW raw.step_lists AS
SELECT s.path_id, s.turn, s.number, s.grader, s.grader_model, s.last_step_id, s.depth, s."values", p.published_at
FROM raw.step_grades s JOIN raw.published p USING (commit_id)
UNION ALL
SELECT g.path_id, g.turn, g.number, g.grader, g.grader_model, g.step_id, g.depth, [g.value], p.published_at
FROM raw.grades g JOIN raw.published p USING (commit_id) WHERE g.step_id IS NOT NULL AND g.value IS NOT NULL
UNION ALL
SELECT raw.path_id(trajectory_id), turn, number, 'human', person, step_id, raw.depth(step_id), [value], labelled_at
FROM raw.people WHERE step_id IS NOT NULL;
COMMENT ON VIEW raw.step_lists IS 'Values of steps that follow one another, as lists, of every grader and every person';
COMMENT ON COLUMN raw.step_lists.published_at IS 'When they were given, UTC';

-- Drafts whose steps a grader judged more than once, or one by one. Only for these the last value must be searched for.
CREATE VIEW raw.told_again AS
SELECT path_id, turn, grader, grader_model FROM raw.step_lists GROUP BY ALL HAVING count(*) > 1;
COMMENT ON VIEW raw.told_again IS 'Drafts of which a grader gave several lists of values';

-- The last value that each grader gave to each step of each draft.
CREATE VIEW raw.step_values AS
WITH once AS (
    SELECT l.* RENAME (depth AS last_depth), unnest(range(1, len(l."values") + 1)) AS place
    FROM raw.step_lists l ANTI JOIN raw.told_again a ON a.path_id = l.path_id AND a.turn = l.turn AND a.grader = l.grader
        AND a.grader_model IS NOT DISTINCT FROM l.grader_model
), again AS (
    SELECT l.* RENAME (depth AS last_depth), unnest(range(1, len(l."values") + 1)) AS place
    FROM raw.step_lists l SEMI JOIN raw.told_again a ON a.path_id = l.path_id AND a.turn = l.turn AND a.grader = l.grader
        AND a.grader_model IS NOT DISTINCT FROM l.grader_model
), told AS (
    SELECT path_id, turn, grader, grader_model, number + place - 1 AS number, last_depth - len("values") + place AS depth,
           last_step_id, last_depth, "values"[place] AS value
    FROM once
    UNION ALL
    SELECT path_id, turn, grader, grader_model, number + place - 1, last_depth - len("values") + place AS depth,
           last_step_id, last_depth, "values"[place] AS value
    FROM again WHERE value IS NOT NULL AND NOT isnan(value)
    QUALIFY row_number() OVER (PARTITION BY path_id, turn, grader, grader_model, depth ORDER BY published_at DESC) = 1
)
SELECT path_id, turn, grader, grader_model, number, depth, raw.step_above(last_step_id, last_depth - depth) AS step_id,
       value
FROM told WHERE value IS NOT NULL AND NOT isnan(value);
COMMENT ON VIEW raw.step_values IS 'The last value that each grader gave of each step';

CREATE VIEW step_quality AS
WITH known AS MATERIALIZED (
    FROM raw.step_values WHERE grader IN ('human', 'rollout', 'omegaprm')
), pairs AS (
    SELECT g.grader, g.grader_model, r.grader AS reference, g.value, r.value AS truth,
           CASE WHEN r.grader = 'human' THEN r.value >= 0.5 ELSE r.value > 0 END AS good
    FROM raw.step_values g JOIN known r ON g.path_id = r.path_id AND g.turn = r.turn AND g.depth = r.depth
    WHERE g.grader <> r.grader OR g.grader_model IS DISTINCT FROM r.grader_model
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

-- A step fails if a person or a reward model gives it a value below 0.5, or if none of its rollouts is right, as in
-- step_quality.
CREATE VIEW first_errors AS
WITH judged AS (
    SELECT *, CASE WHEN grader IN ('rollout', 'omegaprm') THEN value = 0 ELSE value < 0.5 END AS failing
    FROM raw.step_values WHERE grader NOT IN ('likelihood', 'likelihood_sum') AND value BETWEEN 0 AND 1
), found AS (
    SELECT path_id, turn, grader, grader_model, count(*) AS judged_steps, min(number) FILTER (failing) AS first_error,
           arg_min(depth, number) FILTER (failing) AS depth
    FROM judged GROUP BY ALL
), placed AS (
    SELECT f.*, d.commit_id, d.run_id, d.problem_id, d.trajectory_id, d.correct, d.steps,
           raw.step_above(d.leaf_step_id, raw.depth(d.leaf_step_id) - f.depth) AS step_id
    FROM found f JOIN raw.judged d ON d.path_id = f.path_id AND d.turn = f.turn WHERE d.role <> 'rollout'
)
SELECT p.run_id, p.problem_id, p.trajectory_id, p.turn, p.grader, p.grader_model, p.correct, p.steps, p.judged_steps,
       p.first_error, p.step_id, s.text
FROM placed p LEFT JOIN raw.steps s ON s.commit_id = p.commit_id AND s.step_id = p.step_id;
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

-- A critic's opinion of a step, and the outcomes of all drafts and rollouts of its search that contain the step.
CREATE VIEW critic_quality AS
WITH said AS (
    SELECT DISTINCT ON (p.unit_id, g.step_id, g.grader_model) p.unit_id, g.step_id, g.grader_model, g.verdict
    FROM raw.grades g JOIN raw.published p USING (commit_id) WHERE g.grader = 'critic' AND g.step_id IS NOT NULL
    ORDER BY p.unit_id, g.step_id, g.grader_model, p.published_at DESC
), ends AS (
    SELECT d.unit_id, d.leaf_step_id, d.correct FROM main.turns d SEMI JOIN said USING (unit_id)
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

CREATE VIEW grader_bias AS
WITH doubted AS (
    SELECT path_id, turn, grader, grader_model, min(value) AS least FROM raw.step_values
    WHERE value BETWEEN 0 AND 1 GROUP BY ALL
), finite AS (
    FROM raw.valued WHERE isfinite(value)
), means AS (
    SELECT commit_id, draft, grader, grader_model, avg(value) AS value, avg(tokens) AS tokens,
           avg(correct::INTEGER) AS correct
    FROM finite GROUP BY ALL
), centred AS (
    SELECT v.*, d.least, v.value - m.value AS over, v.tokens - m.tokens AS longer, v.correct::INTEGER - m.correct AS righter
    FROM finite v JOIN means m ON m.commit_id = v.commit_id AND m.draft = v.draft AND m.grader = v.grader
        AND m.grader_model IS NOT DISTINCT FROM v.grader_model
    LEFT JOIN doubted d ON d.path_id = v.path_id AND d.turn = v.turn AND d.grader = v.grader
        AND d.grader_model IS NOT DISTINCT FROM v.grader_model
)
SELECT recipe, replicate, strategy, model, draft, grader, grader_model, count(*) AS drafts,
       avg(value) FILTER (correct) AS value_right, avg(value) FILTER (NOT correct) AS value_wrong,
       CASE WHEN stddev_pop(over) > 1e-12 AND stddev_pop(longer) > 1e-12 THEN corr(over, longer) END AS length_value,
       CASE WHEN stddev_pop(righter) > 1e-12 AND stddev_pop(longer) > 1e-12 THEN corr(righter, longer) END AS length_right,
       count(least) FILTER (correct) AS right_with_steps,
       count(*) FILTER (correct AND least < 0.5) AS right_with_bad_steps
FROM centred LEFT JOIN raw.recipes USING (recipe) GROUP BY ALL ORDER BY ALL;
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

-- Each person compared with all others who gave verdicts on the same drafts and steps.
CREATE VIEW label_agreement AS
WITH verdicts AS (
    SELECT g.trajectory_id, g.turn, g.step_id, g.grader, g.grader_model, arg_max(g.verdict, g.graded_at) AS verdict
    FROM main.grades g SEMI JOIN raw.labels l ON l.trajectory_id = g.trajectory_id AND l.turn = g.turn
    GROUP BY ALL HAVING verdict IS NOT NULL
), pairs AS (
    SELECT p.grader_model AS person, g.grader, g.grader_model, l.key_shown,
           CASE WHEN p.step_id IS NULL THEN 'draft' ELSE 'step' END AS part, p.verdict = 'right' AS said,
           CASE g.verdict WHEN 'right' THEN true WHEN 'wrong' THEN false END AS found
    FROM verdicts p JOIN main.labels l
        ON l.current AND l.trajectory_id = p.trajectory_id AND l.turn = p.turn AND l.person = p.grader_model
    JOIN verdicts g ON g.trajectory_id = p.trajectory_id AND g.turn = p.turn
        AND g.step_id IS NOT DISTINCT FROM p.step_id
    WHERE p.grader = 'human' AND NOT (g.grader = 'human' AND g.grader_model = p.grader_model)
), counted AS (
    SELECT person, grader, grader_model, part, key_shown, count(found) AS judged, count(*) - count(found) AS undecided,
           count(*) FILTER (said AND found) AS both_right, count(*) FILTER (NOT said AND NOT found) AS both_wrong,
           count(*) FILTER (said AND NOT found) AS person_right, count(*) FILTER (NOT said AND found) AS grader_right
    FROM pairs GROUP BY ALL
), expected AS (
    SELECT *, (both_right + both_wrong) / nullif(judged, 0) AS agreement,
           ((both_right + person_right) * (both_right + grader_right) + (both_wrong + grader_right) * (both_wrong + person_right))
               / nullif(judged * judged, 0) AS by_chance
    FROM counted
)
SELECT person, grader, grader_model, part, key_shown, judged, agreement,
       CASE WHEN by_chance < 1 THEN (agreement - by_chance) / (1 - by_chance) END AS kappa,
       both_right, both_wrong, person_right, grader_right, undecided
FROM expected ORDER BY ALL;
COMMENT ON VIEW label_agreement IS 'How far each person agrees with each grader that gives verdicts, other persons included, on the drafts and steps that both judged';
COMMENT ON COLUMN label_agreement.person IS 'Who labelled';
COMMENT ON COLUMN label_agreement.grader IS 'Who is compared: oracle, human, or another grader that gives verdicts';
COMMENT ON COLUMN label_agreement.grader_model IS 'The model that the grader asked, or the other person';
COMMENT ON COLUMN label_agreement.part IS 'draft, or step: single steps of a draft';
COMMENT ON COLUMN label_agreement.key_shown IS 'Whether the known answer was in sight when the person labelled';
COMMENT ON COLUMN label_agreement.judged IS 'How many drafts or steps both decided';
COMMENT ON COLUMN label_agreement.agreement IS 'Share of those on which they agree';
COMMENT ON COLUMN label_agreement.kappa IS 'Cohen''s kappa (1960): agreement beyond chance, 1 for all, 0 for what chance gives; NULL where both always say the same one thing';
COMMENT ON COLUMN label_agreement.both_right IS 'Both say right';
COMMENT ON COLUMN label_agreement.both_wrong IS 'Both say wrong';
COMMENT ON COLUMN label_agreement.person_right IS 'The person says right, the grader wrong';
COMMENT ON COLUMN label_agreement.grader_right IS 'The grader says right, the person wrong';
COMMENT ON COLUMN label_agreement.undecided IS 'The grader could not decide; not among those judged';

