-- What an analyst sees: published rows only, and of each unit its highest published attempt.
CREATE VIEW raw.published AS
SELECT unit_id, max(attempt) AS attempt, arg_max(run_id, attempt) AS run_id, any_value(recipe) AS recipe,
       any_value(problem_id) AS problem_id, any_value(replicate) AS replicate, max(published_at) AS published_at
FROM raw.commits GROUP BY unit_id;

CREATE VIEW problems AS
SELECT DISTINCT ON (problem_id)
       problem_id, source, split, question, answer, level, subject, parent_id, augmentation, meta, kind, added_at
FROM raw.problems ORDER BY problem_id, added_at DESC;

CREATE VIEW runs AS
WITH ended AS (
    SELECT run_id, max(happened_at) AS finished_at, arg_max(event, happened_at) AS status, arg_max(facts, happened_at) AS facts
    FROM raw.run_events WHERE event <> 'started' GROUP BY run_id
)
SELECT s.run_id, s.stage, s.recipe, s.strategy, s.model, s.config, s.happened_at AS started_at, e.finished_at,
       CASE WHEN e.status IS NOT NULL THEN e.status
            WHEN lead(s.happened_at) OVER (PARTITION BY s.recipe ORDER BY s.happened_at) IS NOT NULL THEN 'interrupted'
            ELSE 'running' END AS status,
       s.version, e.facts
FROM raw.run_events s LEFT JOIN ended e USING (run_id) WHERE s.event = 'started';

CREATE VIEW raw.recipes AS
SELECT recipe, any_value(strategy) AS strategy, any_value(model) AS model
FROM raw.run_events WHERE event = 'started' GROUP BY recipe;

CREATE VIEW steps AS
SELECT s.step_id, p.run_id, p.problem_id, s.parent_id, s.prefix_key, s.depth, s.turn, s."by", s.text, s.final, s.tokens,
       s.logprob, s.value, s.visits, s.call_id, s.unit_id
FROM raw.steps s JOIN raw.published p USING (unit_id, attempt);

CREATE VIEW grades AS
SELECT p.run_id, g.trajectory_id, g.step_id, g.turn, g.grader, g.grader_model, g.verdict, g.value, g.p_good,
       g.p_neutral, g.p_bad, g.n, g.lo, g.hi, g.reason, g.call_id, g.unit_id, p.published_at AS graded_at
FROM raw.grades g JOIN raw.published p USING (unit_id, attempt);

CREATE VIEW raw.oracle AS
SELECT trajectory_id, turn, CASE arg_max(verdict, graded_at) WHEN 'right' THEN true WHEN 'wrong' THEN false END AS correct
FROM main.grades WHERE grader = 'oracle' AND step_id IS NULL GROUP BY trajectory_id, turn;

CREATE VIEW turns AS
SELECT t.trajectory_id, t.turn, t.leaf_step_id, t.answer, t.stop, t.feedback, t.text, o.correct, t.unit_id
FROM raw.turns t JOIN raw.published p USING (unit_id, attempt) LEFT JOIN raw.oracle o USING (trajectory_id, turn);

CREATE VIEW trajectories AS
SELECT t.trajectory_id, p.run_id, p.problem_id, t.sample, t.role, t.leaf_step_id, t.turns, d.text, t.answer, o.correct,
       t.score, t.chosen, t.stop, t.tokens, t.oracle_used, t.reason, t.unit_id, p.recipe, p.replicate
FROM raw.trajectories t JOIN raw.published p USING (unit_id, attempt)
LEFT JOIN raw.turns d
    ON d.unit_id = t.unit_id AND d.attempt = t.attempt AND d.trajectory_id = t.trajectory_id AND d.turn = t.turns
LEFT JOIN raw.oracle o ON o.trajectory_id = t.trajectory_id AND o.turn = t.turns;

CREATE VIEW calls AS
SELECT c.call_id, p.run_id, p.problem_id, c.purpose, c.model, c.prompt_hash, c.params, c.prompt_tokens,
       c.completion_tokens, c.cached_tokens, c.reasoning_tokens, c.cost_usd, c.latency_ms, c.attempts, c.finish_reason,
       c.error, c.place, c.first_sample, c.n, c.response, c.unit_id, c.attempt, p.recipe, p.replicate
FROM raw.calls c JOIN raw.commits p USING (unit_id, attempt);

CREATE VIEW datasets AS SELECT dataset_id, format, filter, created_at, run_id FROM raw.datasets;

CREATE VIEW dataset_rows AS SELECT dataset_id, "row", trajectory_id, step_id, dropped_because FROM raw.dataset_rows;
