-- The samples of a recipe, as macros with the recipe as an argument. If a view reads a part of itself twice, DuckDB
-- does not push a condition on the view down to the tables, so a query for one night's samples would read those of all
-- nights.
CREATE MACRO raw.sampled_in(own_recipe, own_replicate) AS TABLE
WITH drawn AS (
    SELECT recipe, replicate, problem_id, trajectory_id, turns, oracle_used, turn, answer,
           CASE WHEN answer IS NULL THEN false ELSE correct END AS correct, commit_id, path_id, turn_tokens, same_text,
           correct IS NOT NULL AS decided
    FROM raw.judged ANTI JOIN (SELECT problem_id FROM main.problems WHERE answer IS NULL) keyless USING (problem_id)
    WHERE role = 'sample' AND ended IS DISTINCT FROM 'failed'
        AND NOT (ended = 'budget' AND (status = 'cut' OR end_step_id IS NULL))
        AND (own_recipe IS NULL OR recipe = own_recipe) AND (own_replicate IS NULL OR replicate = own_replicate)
), graded AS (
    SELECT commit_id FROM drawn GROUP BY commit_id HAVING count_if(decided) > 0 OR count(correct) = count(*)
)
SELECT * EXCLUDE (decided) FROM drawn SEMI JOIN graded USING (commit_id);

CREATE OR REPLACE VIEW raw.sampled AS FROM raw.sampled_in(NULL, NULL);
COMMENT ON VIEW raw.sampled IS 'Every draft of every independent sample that neither failed nor was cut short, of the problems that the oracle has graded';

CREATE MACRO raw.redrafts_in(own_recipe, own_replicate) AS TABLE
WITH numbered AS (
    SELECT recipe, replicate, commit_id, path_id, trajectory_id, turn, same_text,
           row_number() OVER (PARTITION BY recipe, replicate, turn ORDER BY md5(trajectory_id)) AS place
    FROM raw.sampled_in(own_recipe, own_replicate) WHERE turn > 1
), compared AS (
    SELECT n.path_id, n.turn, CASE WHEN n.same_text THEN 0.0
               ELSE levenshtein(now.text, past.text) / greatest(strlen(now.text), strlen(past.text)) END AS text_change
    FROM numbered n JOIN raw.turns now ON now.commit_id = n.commit_id AND now.path_id = n.path_id AND now.turn = n.turn
    JOIN raw.turns past ON past.commit_id = n.commit_id AND past.path_id = n.path_id AND past.turn = n.turn - 1
    WHERE n.place <= 200
)
SELECT n.recipe, n.replicate, n.path_id, n.trajectory_id, n.turn, n.same_text, c.text_change
FROM numbered n LEFT JOIN compared c ON c.path_id = n.path_id AND c.turn = n.turn;

CREATE OR REPLACE VIEW raw.redrafts AS FROM raw.redrafts_in(NULL, NULL);
COMMENT ON VIEW raw.redrafts IS 'How far each redraft is from the draft before it';
COMMENT ON COLUMN raw.redrafts.same_text IS 'Whether it repeats the draft before it to the letter';
COMMENT ON COLUMN raw.redrafts.text_change IS 'Edit distance to the draft before it, as a share of the longer text in bytes: 0 is the same text, 1 another one; NULL beyond the first 200 redrafts of a turn';
