-- Rows are only added to the bulk tables, which have no keys: a key on four million rows made a small flush twelve
-- times slower. Rows have the number of their commit; one row in `commits` publishes them. Commit numbers increase with
-- time, so that DuckDB skips most of a table when it searches for the rows of a few commits.
CREATE SCHEMA raw;

CREATE TABLE raw.migrations (number INTEGER, name VARCHAR, applied_at TIMESTAMP);
CREATE TABLE raw.problems (
    problem_id VARCHAR, source VARCHAR, split VARCHAR, question VARCHAR, answer VARCHAR, kind VARCHAR, level INTEGER,
    subject VARCHAR, parent_id VARCHAR, augmentation VARCHAR, meta JSON, added_at TIMESTAMP
);
CREATE TABLE raw.run_events (
    run_id VARCHAR, event VARCHAR, happened_at TIMESTAMP, stage VARCHAR, recipe VARCHAR, strategy VARCHAR, model VARCHAR,
    config JSON, facts JSON, version VARCHAR
);
CREATE TABLE raw.commits (
    commit_id BIGINT, unit_id VARCHAR, attempt INTEGER, run_id VARCHAR, recipe VARCHAR, problem_id VARCHAR,
    replicate VARCHAR, samples INTEGER, status VARCHAR, started_at TIMESTAMP, finished_at TIMESTAMP,
    published_at TIMESTAMP, key_hash VARCHAR
);
CREATE TABLE raw.steps (
    commit_id BIGINT, step_id VARCHAR, parent_id VARCHAR, prefix_key VARCHAR, depth INTEGER, turn INTEGER, "by" VARCHAR,
    text VARCHAR, final BOOLEAN, tokens INTEGER, logprob DOUBLE, value DOUBLE, visits INTEGER, call_id VARCHAR
);
-- A trajectory has one row for each of its drafts. Each row also has the facts about the whole trajectory, so that no
-- query needs a join for them. Facts that filters need about every draft are computed when it is published. Joins and
-- groups use (path_id, turn), because texts would take several times as long.
CREATE TABLE raw.turns (
    commit_id BIGINT, path_id UBIGINT, trajectory_id VARCHAR, turn INTEGER, turns INTEGER, sample INTEGER, role VARCHAR,
    chosen BOOLEAN, oracle_used BOOLEAN, score DOUBLE, ended VARCHAR, end_step_id VARCHAR, path_tokens INTEGER,
    reason VARCHAR, leaf_step_id VARCHAR, text VARCHAR, answer VARCHAR, stop VARCHAR, feedback VARCHAR, verdict VARCHAR,
    steps INTEGER, tokens INTEGER, turn_tokens INTEGER, reviewed BOOLEAN, same_text BOOLEAN, signature UBIGINT,
    by_equations BOOLEAN, wrong_equation VARCHAR
);
CREATE TABLE raw.grades (
    commit_id BIGINT, path_id UBIGINT, trajectory_id VARCHAR, turn INTEGER, step_id VARCHAR, depth INTEGER,
    number INTEGER, grader VARCHAR, grader_model VARCHAR, verdict VARCHAR, value DOUBLE, reason VARCHAR, elsewhere BOOLEAN
);
-- The values of consecutive steps are one row; otherwise a grader of steps would have about ten rows for each draft.
CREATE TABLE raw.step_grades (
    commit_id BIGINT, path_id UBIGINT, trajectory_id VARCHAR, turn INTEGER, last_step_id VARCHAR, depth INTEGER,
    number INTEGER, grader VARCHAR, grader_model VARCHAR, reason VARCHAR, "values" DOUBLE[], p_good DOUBLE[],
    p_neutral DOUBLE[], p_bad DOUBLE[], n INTEGER[], lo DOUBLE[], hi DOUBLE[]
);
CREATE TABLE raw.calls (
    commit_id BIGINT, call_id VARCHAR, purpose VARCHAR, place VARCHAR, first_sample INTEGER, n INTEGER, model VARCHAR,
    prompt_hash VARCHAR, params JSON, prompt_tokens INTEGER, completion_tokens INTEGER, cached_tokens INTEGER,
    reasoning_tokens INTEGER, cost_usd DOUBLE, latency_ms DOUBLE, attempts INTEGER, finish_reason VARCHAR,
    error VARCHAR, response VARCHAR, answered_at TIMESTAMP, failed_tries JSON
);
-- The exact prompts that were sent. A unit stores each of its prompts once.
CREATE TABLE raw.prompts (commit_id BIGINT, prompt_hash VARCHAR, prompt JSON);
-- People's labels of stored drafts. A label belongs to a text, not to an attempt at a unit. It is valid as long as the
-- draft of its trajectory and turn is the one that was shown, however often the unit is published again.
CREATE TABLE raw.labels (
    trajectory_id VARCHAR, turn INTEGER, person VARCHAR, verdict VARCHAR, first_wrong_step INTEGER, remark VARCHAR,
    draft_key VARCHAR, key_shown BOOLEAN, labelled_at TIMESTAMP
);
CREATE TABLE raw.datasets (dataset_id VARCHAR, format VARCHAR, filter JSON, created_at TIMESTAMP, run_id VARCHAR);
CREATE TABLE raw.dataset_rows (
    dataset_id VARCHAR, "row" INTEGER, trajectory_id VARCHAR, step_id VARCHAR, dropped_because VARCHAR
);

COMMENT ON COLUMN raw.commits.key_hash IS 'Digest of the known answer that the drafts were judged by';
COMMENT ON TABLE raw.commits IS 'One row publishes the rows of one attempt at a unit of work';
COMMENT ON COLUMN raw.commits.samples IS 'How many samples were asked for';
COMMENT ON COLUMN raw.commits.status IS 'done, failed where some trajectory failed, or cut short by the run''s budget';
COMMENT ON COLUMN raw.commits.published_at IS 'When these rows were published, UTC';
COMMENT ON TABLE raw.problems IS 'Every version of every problem, as added; read the view problems';
COMMENT ON TABLE raw.run_events IS 'Starts and ends of runs; read the view runs';
COMMENT ON COLUMN raw.run_events.event IS 'started, finished, budget (it was used up), interrupted, failed, or summarised: facts has the summary of its data';
COMMENT ON COLUMN raw.run_events.happened_at IS 'When, UTC';
COMMENT ON TABLE raw.steps IS 'Steps of every attempt; read the view steps';
COMMENT ON TABLE raw.turns IS 'Turns of every attempt; read the view turns';
COMMENT ON TABLE raw.grades IS 'Grades of every attempt; read the view grades';
COMMENT ON TABLE raw.calls IS 'Calls of every attempt; read the view calls';
COMMENT ON COLUMN raw.calls.answered_at IS 'When it was answered, or given up, UTC; NULL of calls that were kept without a time';
COMMENT ON TABLE raw.datasets IS 'Exports; read the view datasets';
COMMENT ON TABLE raw.dataset_rows IS 'Rows of exports; read the view dataset_rows';
COMMENT ON TABLE raw.migrations IS 'Which changes of the schema this database has had';
COMMENT ON COLUMN raw.migrations.number IS 'Its place in the order, from 1';
COMMENT ON COLUMN raw.migrations.name IS 'The file it came from';
COMMENT ON COLUMN raw.migrations.applied_at IS 'When it ran, UTC';
COMMENT ON TABLE raw.prompts IS 'What was sent to a model, by the hash of it';
COMMENT ON COLUMN raw.prompts.prompt IS 'As JSON: messages, each with its role and content, and what else was shown';
COMMENT ON TABLE raw.labels IS 'Every label that a person gave, the replaced ones too; read the view labels';
COMMENT ON COLUMN raw.commits.commit_id IS 'The number of the commit, which grows with time: microseconds since 1970 of new ones';
COMMENT ON COLUMN raw.steps.commit_id IS 'The commit that published the row';
COMMENT ON COLUMN raw.turns.commit_id IS 'The commit that published the row';
COMMENT ON COLUMN raw.grades.commit_id IS 'The commit that published the row';
COMMENT ON COLUMN raw.step_grades.commit_id IS 'The commit that published the row';
COMMENT ON COLUMN raw.calls.commit_id IS 'The commit that published the row';
COMMENT ON COLUMN raw.prompts.commit_id IS 'The commit that published the row';
COMMENT ON COLUMN raw.turns.path_id IS 'The number of the trajectory: raw.path_id(trajectory_id)';
COMMENT ON COLUMN raw.turns.ended IS 'Why the trajectory ended, as in trajectories.stop';
COMMENT ON COLUMN raw.turns.end_step_id IS 'The last step of the trajectory';
COMMENT ON COLUMN raw.turns.path_tokens IS 'Tokens of all steps of the trajectory';
COMMENT ON COLUMN raw.turns.verdict IS 'The oracle''s verdict of the same commit; a later one may differ: read the view turns';
COMMENT ON COLUMN raw.turns.steps IS 'How many steps of the draft the model wrote';
COMMENT ON COLUMN raw.turns.turn_tokens IS 'Tokens of all steps of the turn, feedback and reviews too';
COMMENT ON COLUMN raw.turns.reviewed IS 'Whether the writer''s own review lies within the draft';
COMMENT ON COLUMN raw.turns.same_text IS 'Whether the draft repeats the one before it to the letter; NULL for a first draft';
COMMENT ON COLUMN raw.turns.signature IS 'A hash of its equations and its answer, or of its text where it has no equations; NULL if it is blank';
COMMENT ON COLUMN raw.turns.by_equations IS 'Whether the signature is of equations';
COMMENT ON COLUMN raw.turns.wrong_equation IS 'The first equation that does not hold; NULL if there is none';
COMMENT ON COLUMN raw.grades.path_id IS 'The number of the trajectory: raw.path_id(trajectory_id)';
COMMENT ON COLUMN raw.grades.step_id IS 'The step, if it is the judgement of one step; NULL where it is of the whole draft';
COMMENT ON COLUMN raw.grades.depth IS 'The depth of that step';
COMMENT ON COLUMN raw.grades.number IS 'The number of that step in its draft, from 1; NULL if the draft is not known';
COMMENT ON COLUMN raw.grades.elsewhere IS 'Whether another unit stored the draft';
COMMENT ON TABLE raw.step_grades IS 'Values of steps that follow one another, as lists; read the view grades';
COMMENT ON COLUMN raw.step_grades.path_id IS 'The number of the trajectory: raw.path_id(trajectory_id)';
COMMENT ON COLUMN raw.step_grades.last_step_id IS 'The step of the last value';
COMMENT ON COLUMN raw.step_grades.depth IS 'The depth of that step';
COMMENT ON COLUMN raw.step_grades.number IS 'The number of the step of the first value in its draft, from 1';
COMMENT ON COLUMN raw.step_grades."values" IS 'The values of the steps, in order';
COMMENT ON COLUMN raw.step_grades.n IS 'For each step, how many rollouts or votes its value rests on';
