-- A unit that a run's budget cut short is not finished: the same command goes on with it. Its trajectories that met the
-- budget's end say nothing about the model, and are left out of the statistics, and so are drafts that a problem's budget did not reach.
CREATE OR REPLACE VIEW raw.published AS
SELECT unit_id, max(attempt) AS attempt, arg_max(run_id, attempt) AS run_id, any_value(recipe) AS recipe,
       any_value(problem_id) AS problem_id, any_value(replicate) AS replicate, max(published_at) AS published_at,
       arg_max(status, attempt) AS status
FROM raw.commits GROUP BY unit_id;

CREATE OR REPLACE VIEW raw.sampled AS
SELECT p.recipe, p.replicate, p.problem_id, t.trajectory_id, t.turns, t.oracle_used, d.turn, d.answer,
       CASE WHEN d.answer IS NULL THEN false ELSE o.correct END AS correct
FROM raw.trajectories t JOIN raw.published p USING (unit_id, attempt)
ANTI JOIN (SELECT problem_id FROM main.problems WHERE answer IS NULL) keyless ON keyless.problem_id = p.problem_id
JOIN raw.turns d ON d.unit_id = t.unit_id AND d.attempt = t.attempt AND d.trajectory_id = t.trajectory_id
LEFT JOIN raw.oracle o ON o.trajectory_id = d.trajectory_id AND o.turn = d.turn
WHERE t.role = 'sample' AND t.stop IS DISTINCT FROM 'failed'
    AND NOT (t.stop = 'budget' AND (p.status = 'cut' OR t.leaf_step_id IS NULL))
WINDOW problem AS (PARTITION BY p.recipe, p.replicate, p.problem_id)
QUALIFY count(o.correct) OVER problem > 0 OR count(correct) OVER problem = count(*) OVER problem;

COMMENT ON VIEW raw.published IS 'The highest published attempt at each unit of work, which is the one that is shown';
COMMENT ON COLUMN raw.published.published_at IS 'When the last attempt was published, UTC';
COMMENT ON VIEW raw.sampled IS 'Every draft of every independent sample that neither failed nor was cut short, of the problems that the oracle has graded';
COMMENT ON COLUMN raw.published.status IS 'done, failed where some trajectory failed, or cut short by the run''s budget';
COMMENT ON COLUMN raw.commits.status IS 'done, failed where some trajectory failed, or cut short by the run''s budget';
COMMENT ON COLUMN raw.run_events.event IS 'started, finished, budget (it was used up), interrupted or failed';
COMMENT ON COLUMN runs.status IS 'running, finished, budget (it was used up), interrupted (or killed, as a later run of the recipe shows) or failed';
