-- Independent samples only: a sample is an occurrence, and the same text drawn twice counts twice.
CREATE MACRO raw.choose_ratio(a, n, k) AS
    CASE WHEN a < k THEN 0.0 WHEN a = n THEN 1.0
         ELSE exp(lgamma(a + 1) - lgamma(a - k + 1) - lgamma(n + 1) + lgamma(n - k + 1)) END;
CREATE MACRO raw.powers_and(n) AS
    list_distinct(list_append(list_filter([1::BIGINT << i FOR i IN range(0, 40)], lambda k: k <= n), n::BIGINT));

-- A unit that a run's budget cut short is not finished: the same command continues it. Its trajectories that the budget
-- ended say nothing about the model, so they are left out of the statistics, as are drafts that a problem's budget did
-- not allow. An answer that could not be read is wrong. An answer that the oracle has not decided is neither right nor
-- wrong (`correct` is null). Problems without any grade are left out.
CREATE VIEW raw.sampled AS
WITH drawn AS (
    FROM raw.judged j ANTI JOIN (SELECT problem_id FROM main.problems WHERE answer IS NULL) keyless USING (problem_id)
    SELECT recipe, replicate, problem_id, trajectory_id, turns, oracle_used, turn, answer,
           CASE WHEN answer IS NULL THEN false ELSE correct END AS correct, commit_id, path_id, turn_tokens, same_text,
           correct IS NOT NULL AS decided
    WHERE role = 'sample' AND ended IS DISTINCT FROM 'failed'
        AND NOT (ended = 'budget' AND (status = 'cut' OR end_step_id IS NULL))
), graded AS (
    SELECT commit_id FROM drawn GROUP BY commit_id HAVING count_if(decided) > 0 OR count(correct) = count(*)
)
SELECT * EXCLUDE (decided) FROM drawn SEMI JOIN graded USING (commit_id);
COMMENT ON VIEW raw.sampled IS 'Every draft of every independent sample that neither failed nor was cut short, of the problems that the oracle has graded';

-- A first draft that was written to its end is a sample of the model, even if the trajectory failed later. The turns of
-- a failed trajectory are left out of comparisons of turns, because each turn must have the same trajectories.
CREATE VIEW raw.outlived AS
WITH drawn AS (
    FROM raw.judged j ANTI JOIN (SELECT problem_id FROM main.problems WHERE answer IS NULL) keyless USING (problem_id)
    SELECT recipe, replicate, problem_id, trajectory_id, turns, oracle_used, turn, answer,
           CASE WHEN answer IS NULL THEN false ELSE correct END AS correct, commit_id, path_id, turn_tokens, same_text,
           correct IS NOT NULL AS decided
    WHERE role = 'sample' AND ended = 'failed' AND turn = 1 AND turn < turns AND stop = 'answered'
), graded AS (
    SELECT commit_id FROM drawn GROUP BY commit_id HAVING count_if(decided) > 0 OR count(correct) = count(*)
)
SELECT * EXCLUDE (decided) FROM drawn SEMI JOIN graded USING (commit_id);
COMMENT ON VIEW raw.outlived IS 'First drafts, written to their ends, of independent samples that failed in a later turn';

CREATE VIEW raw.drafts AS
SELECT unnest(CASE WHEN turn < turns THEN ['first'] WHEN turn > 1 THEN ['last'] ELSE ['first', 'last'] END) AS draft, *
FROM raw.sampled WHERE turn = 1 OR turn = turns
UNION ALL
SELECT 'first' AS draft, * FROM raw.outlived;
COMMENT ON VIEW raw.drafts IS 'The first and the last draft of each independent sample that neither failed nor was cut short, and the first draft of each that failed in a later turn';

CREATE VIEW pass_at_k AS
WITH counted AS (
    SELECT any_value(recipe) AS recipe, any_value(replicate) AS replicate, draft, count(correct) AS n,
           count(*) FILTER (correct) AS c, count(*) - count(correct) AS undecided, bool_or(oracle_used) AS oracle_used
    FROM raw.drafts GROUP BY commit_id, draft HAVING count(correct) > 0
), most AS (
    SELECT recipe, replicate, draft, max(n) AS n FROM counted GROUP BY ALL
), sizes AS (
    SELECT recipe, replicate, draft, unnest(raw.powers_and(n)) AS k FROM most
)
SELECT recipe, replicate, strategy, feedback, model, draft, k, avg(1 - raw.choose_ratio(n - c, n, k)) AS pass_at_k, count(*) AS problems,
       sum(n)::BIGINT AS samples, sum(undecided)::BIGINT AS undecided, bool_or(oracle_used) AS oracle_used
FROM counted JOIN sizes USING (recipe, replicate, draft) LEFT JOIN raw.recipes USING (recipe) WHERE k <= n
GROUP BY ALL ORDER BY ALL;
COMMENT ON VIEW pass_at_k IS 'The chance that k independent samples of a problem hold a right one: unbiased, 1 - C(n-c,k)/C(n,k) (Chen et al. 2021), averaged over problems';
COMMENT ON COLUMN pass_at_k.recipe IS 'The recipe';
COMMENT ON COLUMN pass_at_k.replicate IS 'The replicate';
COMMENT ON COLUMN pass_at_k.strategy IS 'The strategy of the recipe';
COMMENT ON COLUMN pass_at_k.model IS 'The model of the recipe';
COMMENT ON COLUMN pass_at_k.draft IS 'first or last draft of each sample';
COMMENT ON COLUMN pass_at_k.k IS 'How many samples: the powers of two, and all there are';
COMMENT ON COLUMN pass_at_k.pass_at_k IS 'The chance, in [0, 1]';
COMMENT ON COLUMN pass_at_k.problems IS 'How many problems have k samples or more';
COMMENT ON COLUMN pass_at_k.samples IS 'How many samples they have; failed and undecided ones are left out, a first draft with a later turn that failed is not';
COMMENT ON COLUMN pass_at_k.undecided IS 'How many samples the oracle could not decide';
COMMENT ON COLUMN pass_at_k.oracle_used IS 'Whether the key was read while any of them was made or chosen';
COMMENT ON COLUMN pass_at_k.feedback IS 'The feedback of the recipe; NULL where its strategy takes none';

-- The last value that each grader gave to each draft.
CREATE VIEW raw.scores AS
SELECT g.path_id, g.turn, g.grader, g.grader_model, arg_max(g.value, p.published_at) AS value
FROM raw.grades g JOIN raw.published p USING (commit_id)
WHERE g.step_id IS NULL AND g.value IS NOT NULL AND NOT isnan(g.value) GROUP BY ALL;
COMMENT ON VIEW raw.scores IS 'The last value that each grader gave of each draft';

CREATE VIEW best_of_n AS
WITH problems AS (
    SELECT commit_id, draft, any_value(recipe) AS recipe, any_value(replicate) AS replicate, count(correct) AS n,
           bool_or(oracle_used) FILTER (correct IS NOT NULL) AS oracle_used
    FROM raw.drafts GROUP BY commit_id, draft HAVING count(correct) > 0
), ties AS (  -- a draft without a score or an answer is chosen last and counts as wrong: it only adds to n
    SELECT d.commit_id, d.draft, v.grader, v.grader_model,
           CASE WHEN d.answer IS NOT NULL AND d.correct IS NOT NULL THEN v.value END AS score, count(*) AS size,
           count_if(d.correct) / count(*) AS correct
    FROM raw.drafts d JOIN raw.scores v ON v.path_id = d.path_id AND v.turn = d.turn GROUP BY ALL
), placed AS (
    SELECT *, sum(size) OVER (PARTITION BY commit_id, draft, grader, grader_model ORDER BY score DESC) AS stop
    FROM ties WHERE score IS NOT NULL
), judged AS (
    SELECT DISTINCT p.*, t.grader, t.grader_model FROM ties t JOIN problems p USING (commit_id, draft)
), most AS (
    SELECT recipe, replicate, draft, grader, grader_model, raw.powers_and(max(n)) AS sizes FROM judged GROUP BY ALL
), sized AS (
    SELECT j.*, unnest(list_filter(m.sizes, lambda k: k <= j.n)) AS k
    FROM judged j JOIN most m ON m.recipe = j.recipe AND m.replicate = j.replicate AND m.draft = j.draft
        AND m.grader = j.grader AND m.grader_model IS NOT DISTINCT FROM j.grader_model
), expected AS (
    SELECT s.commit_id, s.draft, s.grader, s.grader_model, s.k, any_value(s.recipe) AS recipe,
           any_value(s.replicate) AS replicate, any_value(s.n) AS n, any_value(s.oracle_used) AS oracle_used,
           coalesce(sum(p.correct * (raw.choose_ratio(s.n - p.stop + p.size, s.n, s.k)
               - raw.choose_ratio(s.n - p.stop, s.n, s.k))), 0) AS accuracy
    FROM sized s LEFT JOIN placed p ON p.commit_id = s.commit_id AND p.draft = s.draft AND p.grader = s.grader
        AND p.grader_model IS NOT DISTINCT FROM s.grader_model
    GROUP BY ALL
)
SELECT recipe, replicate, strategy, feedback, model, draft, grader, grader_model, k, avg(accuracy) AS accuracy, count(*) AS problems,
       sum(n)::BIGINT AS samples, bool_or(oracle_used) AS oracle_used
FROM expected LEFT JOIN raw.recipes USING (recipe) GROUP BY ALL ORDER BY ALL;
COMMENT ON VIEW best_of_n IS 'Accuracy of the best of k samples by each grader: the exact expectation over all choices of k, ties averaged, averaged over problems';
COMMENT ON COLUMN best_of_n.recipe IS 'The recipe';
COMMENT ON COLUMN best_of_n.replicate IS 'The replicate';
COMMENT ON COLUMN best_of_n.strategy IS 'The strategy of the recipe';
COMMENT ON COLUMN best_of_n.model IS 'The model of the recipe';
COMMENT ON COLUMN best_of_n.draft IS 'first or last draft of each sample';
COMMENT ON COLUMN best_of_n.grader IS 'Whose scores choose';
COMMENT ON COLUMN best_of_n.grader_model IS 'The model that the grader asked';
COMMENT ON COLUMN best_of_n.k IS 'How many samples are chosen from: the powers of two, and all there are';
COMMENT ON COLUMN best_of_n.accuracy IS 'The chance that the chosen one is right, in [0, 1]; a sample without a score or an answer is chosen last and counts as wrong';
COMMENT ON COLUMN best_of_n.problems IS 'How many problems have k samples or more';
COMMENT ON COLUMN best_of_n.samples IS 'How many samples they have; failed and undecided ones are left out';
COMMENT ON COLUMN best_of_n.oracle_used IS 'Whether the key was read while any of them was made or chosen';
COMMENT ON COLUMN best_of_n.feedback IS 'The feedback of the recipe; NULL where its strategy takes none';

-- Independent samples that were judged, each with a grader's value and its number of tokens.
CREATE VIEW raw.valued AS
SELECT d.commit_id, d.recipe, d.replicate, d.problem_id, d.draft, d.path_id, d.trajectory_id, d.turn, v.grader,
       v.grader_model, v.value, d.correct, d.turn_tokens AS tokens
FROM raw.drafts d JOIN raw.scores v ON v.path_id = d.path_id AND v.turn = d.turn
WHERE d.correct IS NOT NULL AND v.grader <> 'oracle';
COMMENT ON VIEW raw.valued IS 'Independent samples with a grader''s value and their tokens';

CREATE VIEW reward_by_n AS
WITH ties AS (
    SELECT commit_id, draft, grader, grader_model, value, any_value(recipe) AS recipe, any_value(replicate) AS replicate,
           count(*) AS size, count_if(correct) / count(*) AS correct
    FROM raw.valued GROUP BY ALL
), placed AS (
    SELECT *, sum(size) OVER (problem ORDER BY value DESC) AS stop, sum(size) OVER problem AS n
    FROM ties WINDOW problem AS (PARTITION BY commit_id, draft, grader, grader_model)
), most AS (
    SELECT recipe, replicate, draft, grader, grader_model, raw.powers_and(max(n)::BIGINT) AS sizes FROM placed GROUP BY ALL
), weighed AS (
    SELECT p.*, unnest(list_filter(m.sizes, lambda k: k <= p.n)) AS k
    FROM placed p JOIN most m ON p.recipe = m.recipe AND p.replicate = m.replicate AND p.draft = m.draft
        AND p.grader = m.grader AND p.grader_model IS NOT DISTINCT FROM m.grader_model
), problems AS (
    SELECT commit_id, draft, grader, grader_model, k, any_value(recipe) AS recipe, any_value(replicate) AS replicate,
           sum((raw.choose_ratio(n - stop + size, n, k) - raw.choose_ratio(n - stop, n, k)) * value) AS value,
           sum((raw.choose_ratio(n - stop + size, n, k) - raw.choose_ratio(n - stop, n, k)) * correct) AS accuracy
    FROM weighed GROUP BY ALL
)
SELECT recipe, replicate, strategy, model, draft, grader, grader_model, k, avg(value) AS value, avg(accuracy) AS accuracy,
       count(*) AS problems
FROM problems LEFT JOIN raw.recipes USING (recipe) GROUP BY ALL ORDER BY ALL;
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

-- All right answers count as one answer, however they are spelled. If n_i of n samples give answer i, the entropy is
-- log2 n - sum(n_i log2 n_i) / n, and two samples differ with probability 1 - sum(n_i (n_i - 1)) / (n (n - 1)).
CREATE VIEW answer_diversity AS
WITH drawn AS (
    SELECT commit_id, text, CASE WHEN correct THEN 'right' ELSE 'other ' || answer END AS answer
    FROM raw.judged WHERE role = 'sample' AND ended IS DISTINCT FROM 'failed' AND turn = turns
), counted AS (
    SELECT commit_id, answer, count(*) AS n FROM drawn WHERE answer IS NOT NULL GROUP BY ALL
), answered AS (
    SELECT commit_id, sum(n) AS n, count(*) AS answers, max(n) / sum(n) AS majority,
           greatest(log2(sum(n)) - sum(n * log2(n)) / sum(n), 0) AS entropy_bits,
           1 - sum(n * (n - 1)) / (sum(n) * (sum(n) - 1)) AS differ
    FROM counted GROUP BY ALL HAVING sum(n) > 1
), texts AS (  -- by hash, because the texts of all drafts would not fit into memory
    SELECT commit_id, count(*) AS samples, count(*) - count(answer) AS no_answer,
           count(DISTINCT hash(text)) / count(*) AS distinct_texts
    FROM drawn GROUP BY commit_id
)
SELECT run_id, any_value(p.recipe) AS recipe, any_value(p.replicate) AS replicate, any_value(strategy) AS strategy,
       any_value(feedback) AS feedback, any_value(model) AS model, count(*) AS problems, sum(samples)::BIGINT AS samples,
       sum(no_answer)::BIGINT AS no_answer, avg(answers) AS answers, avg(majority) AS majority,
       avg(entropy_bits) AS entropy_bits, avg(differ) AS differ, avg(distinct_texts) AS distinct_texts
FROM answered JOIN texts USING (commit_id) JOIN raw.published p USING (commit_id) LEFT JOIN raw.recipes r ON r.recipe = p.recipe
GROUP BY run_id ORDER BY run_id;
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

-- Two drafts share a beginning as long as the texts of their steps are identical.
CREATE VIEW diversity AS
WITH begun AS (
    SELECT t.commit_id, s.depth, count(*) AS samples, count(DISTINCT s.prefix_key) AS beginnings
    FROM raw.turns t JOIN raw.steps s ON s.commit_id = t.commit_id AND s.turn = t.turn
        AND split_part(s.step_id, '.', 1) = split_part(t.leaf_step_id, '.', 1)
        AND starts_with(t.leaf_step_id || '.', s.step_id || '.')
    WHERE t.role = 'sample' AND t.ended IS DISTINCT FROM 'failed' AND t.turn = 1 GROUP BY ALL HAVING count(*) > 1
)
SELECT recipe, replicate, strategy, feedback, model, depth, count(*) AS problems, sum(samples)::BIGINT AS samples,
       avg(beginnings) AS beginnings, avg(beginnings / samples) AS share
FROM begun JOIN raw.published USING (commit_id) LEFT JOIN raw.recipes USING (recipe) GROUP BY ALL ORDER BY ALL;
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

