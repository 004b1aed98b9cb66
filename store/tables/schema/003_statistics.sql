-- Independent samples only: a sample is an occurrence, and the same text drawn twice counts twice.
CREATE MACRO raw.choose_ratio(a, n, k) AS
    CASE WHEN a < k THEN 0.0 WHEN a = n THEN 1.0
         ELSE exp(lgamma(a + 1) - lgamma(a - k + 1) - lgamma(n + 1) + lgamma(n - k + 1)) END;

CREATE MACRO raw.powers_and(n) AS
    list_distinct(list_append(list_filter([1::BIGINT << i FOR i IN range(0, 40)], lambda k: k <= n), n::BIGINT));

-- Every draft of every sample that did not fail. An answer that could not be read is wrong; one that the oracle has not
-- decided is neither right nor wrong (`correct` is null). Problems that nobody graded are left out.
CREATE VIEW raw.sampled AS
SELECT p.recipe, p.replicate, p.problem_id, t.trajectory_id, t.turns, t.oracle_used, d.turn, d.answer,
       CASE WHEN d.answer IS NULL THEN false ELSE o.correct END AS correct
FROM raw.trajectories t JOIN raw.published p USING (unit_id, attempt)
ANTI JOIN (SELECT problem_id FROM main.problems WHERE answer IS NULL) keyless ON keyless.problem_id = p.problem_id
JOIN raw.turns d ON d.unit_id = t.unit_id AND d.attempt = t.attempt AND d.trajectory_id = t.trajectory_id
LEFT JOIN raw.oracle o ON o.trajectory_id = d.trajectory_id AND o.turn = d.turn
WHERE t.role = 'sample' AND t.stop IS DISTINCT FROM 'failed'
WINDOW problem AS (PARTITION BY p.recipe, p.replicate, p.problem_id)
QUALIFY count(o.correct) OVER problem > 0 OR count(correct) OVER problem = count(*) OVER problem;

CREATE VIEW raw.drafts AS
SELECT 'first' AS draft, * FROM raw.sampled WHERE turn = 1
UNION ALL
SELECT 'last' AS draft, * FROM raw.sampled WHERE turn = turns;

CREATE VIEW pass_at_k AS
WITH counted AS (
    SELECT recipe, replicate, draft, problem_id, count(correct) AS n, count(*) FILTER (correct) AS c,
           count(*) - count(correct) AS undecided, bool_or(oracle_used) AS oracle_used
    FROM raw.drafts GROUP BY ALL HAVING count(correct) > 0
), sizes AS (
    SELECT recipe, replicate, draft, unnest(raw.powers_and(max(n))) AS k FROM counted GROUP BY ALL
)
SELECT recipe, replicate, strategy, model, draft, k, avg(1 - raw.choose_ratio(n - c, n, k)) AS pass_at_k, count(*) AS problems,
       sum(n)::BIGINT AS samples, sum(undecided)::BIGINT AS undecided, bool_or(oracle_used) AS oracle_used
FROM counted JOIN sizes USING (recipe, replicate, draft) LEFT JOIN raw.recipes USING (recipe) WHERE k <= n
GROUP BY ALL ORDER BY ALL;

CREATE VIEW best_of_n AS
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
), sizes AS (
    SELECT recipe, replicate, draft, grader, grader_model, unnest(raw.powers_and(max(n))) AS k FROM placed GROUP BY ALL
), expected AS (
    SELECT p.recipe, p.replicate, p.draft, p.grader, p.grader_model, s.k, p.problem_id, any_value(n) AS n,
           sum(correct * (raw.choose_ratio(n - stop + size, n, k) - raw.choose_ratio(n - stop, n, k))) AS accuracy,
           bool_or(oracle_used) AS oracle_used
    FROM placed p JOIN sizes s ON p.recipe = s.recipe AND p.replicate = s.replicate AND p.draft = s.draft
        AND p.grader = s.grader AND p.grader_model IS NOT DISTINCT FROM s.grader_model AND s.k <= p.n
    GROUP BY ALL
)
SELECT recipe, replicate, strategy, model, draft, grader, grader_model, k, avg(accuracy) AS accuracy, count(*) AS problems,
       sum(n)::BIGINT AS samples, bool_or(oracle_used) AS oracle_used
FROM expected LEFT JOIN raw.recipes USING (recipe) GROUP BY ALL ORDER BY ALL;
