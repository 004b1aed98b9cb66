-- sampled_in reads drawn_in twice. A macro such as drawn_in is computed for each reader, with the columns that reader
-- needs. As a common table expression it would be computed once, and DuckDB would write every column of it to the disk.
-- The words NOT MATERIALIZED would prevent that, but they are lost when a view or macro is saved in a file.
CREATE MACRO raw.drawn_in(own_recipe, own_replicate) AS TABLE
SELECT recipe, replicate, problem_id, trajectory_id, turns, oracle_used, turn, answer,
       CASE WHEN answer IS NULL THEN false ELSE correct END AS correct, commit_id, path_id, turn_tokens, same_text,
       correct IS NOT NULL AS decided
FROM raw.judged ANTI JOIN (SELECT problem_id FROM main.problems WHERE answer IS NULL) keyless USING (problem_id)
WHERE role = 'sample' AND ended IS DISTINCT FROM 'failed'
    AND NOT (ended = 'budget' AND (status = 'cut' OR end_step_id IS NULL))
    AND (own_recipe IS NULL OR recipe = own_recipe) AND (own_replicate IS NULL OR replicate = own_replicate);

CREATE OR REPLACE MACRO raw.sampled_in(own_recipe, own_replicate) AS TABLE
SELECT * EXCLUDE (decided) FROM raw.drawn_in(own_recipe, own_replicate) SEMI JOIN (
    SELECT commit_id FROM raw.drawn_in(own_recipe, own_replicate) GROUP BY commit_id
    HAVING count_if(decided) > 0 OR count(correct) = count(*)
) graded USING (commit_id);

-- First and last drafts are counted in one pass: most samples have a single draft, which is both.
CREATE OR REPLACE VIEW pass_at_k AS
WITH drafts AS (
    SELECT commit_id, recipe, replicate, correct, oracle_used, turn = 1 AS first, turn = turns AS last
    FROM raw.sampled WHERE turn = 1 OR turn = turns
    UNION ALL
    SELECT commit_id, recipe, replicate, correct, oracle_used, true AS first, false AS last FROM raw.outlived
), units AS (
    SELECT any_value(recipe) AS recipe, any_value(replicate) AS replicate, [
               {'draft': 'first', 'n': count(correct) FILTER (first), 'c': count(*) FILTER (first AND correct),
                'drafts': count(*) FILTER (first), 'oracle_used': bool_or(oracle_used) FILTER (first)},
               {'draft': 'last', 'n': count(correct) FILTER (last), 'c': count(*) FILTER (last AND correct),
                'drafts': count(*) FILTER (last), 'oracle_used': bool_or(oracle_used) FILTER (last)}
           ] AS counts
    FROM drafts GROUP BY commit_id
), counted AS (
    SELECT recipe, replicate, count.draft, count.n, count.c, count.drafts - count.n AS undecided, count.oracle_used
    FROM (SELECT recipe, replicate, unnest(counts) AS count FROM units) WHERE count.n > 0
), most AS (
    SELECT recipe, replicate, draft, max(n) AS n FROM counted GROUP BY ALL
), sizes AS (
    SELECT recipe, replicate, draft, unnest(raw.powers_and(n)) AS k FROM most
)
SELECT recipe, replicate, strategy, feedback, model, draft, k, avg(1 - raw.choose_ratio(n - c, n, k)) AS pass_at_k,
       count(*) AS problems, sum(n)::BIGINT AS samples, sum(undecided)::BIGINT AS undecided,
       bool_or(oracle_used) AS oracle_used
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
