-- The tables of the schemas 1 to 11, by the number that brought them.

-- 1
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
    unit_id VARCHAR, attempt INTEGER, run_id VARCHAR, recipe VARCHAR, problem_id VARCHAR, replicate VARCHAR,
    samples INTEGER, status VARCHAR, started_at TIMESTAMP, finished_at TIMESTAMP, published_at TIMESTAMP,
    key_hash VARCHAR
);
CREATE TABLE raw.steps (
    unit_id VARCHAR, attempt INTEGER, step_id VARCHAR, parent_id VARCHAR, prefix_key VARCHAR, depth INTEGER,
    turn INTEGER, "by" VARCHAR, text VARCHAR, final BOOLEAN, tokens INTEGER, logprob DOUBLE, value DOUBLE,
    visits INTEGER, call_id VARCHAR
);
CREATE TABLE raw.trajectories (
    unit_id VARCHAR, attempt INTEGER, trajectory_id VARCHAR, sample INTEGER, role VARCHAR, leaf_step_id VARCHAR,
    turns INTEGER, answer VARCHAR, score DOUBLE, chosen BOOLEAN, stop VARCHAR, tokens INTEGER, oracle_used BOOLEAN,
    reason VARCHAR
);
CREATE TABLE raw.turns (
    unit_id VARCHAR, attempt INTEGER, trajectory_id VARCHAR, turn INTEGER, leaf_step_id VARCHAR, text VARCHAR,
    answer VARCHAR, stop VARCHAR, feedback VARCHAR
);
CREATE TABLE raw.grades (
    unit_id VARCHAR, attempt INTEGER, trajectory_id VARCHAR, step_id VARCHAR, turn INTEGER, grader VARCHAR,
    grader_model VARCHAR, verdict VARCHAR, value DOUBLE, p_good DOUBLE, p_neutral DOUBLE, p_bad DOUBLE, n INTEGER,
    lo DOUBLE, hi DOUBLE, reason VARCHAR, call_id VARCHAR
);
CREATE TABLE raw.calls (
    unit_id VARCHAR, attempt INTEGER, call_id VARCHAR, purpose VARCHAR, place VARCHAR, first_sample INTEGER, n INTEGER,
    model VARCHAR, prompt_hash VARCHAR, params JSON, prompt_tokens INTEGER, completion_tokens INTEGER,
    cached_tokens INTEGER, reasoning_tokens INTEGER, cost_usd DOUBLE, latency_ms DOUBLE, attempts INTEGER,
    finish_reason VARCHAR, error VARCHAR, response VARCHAR
);
CREATE TABLE raw.datasets (dataset_id VARCHAR, format VARCHAR, filter JSON, created_at TIMESTAMP, run_id VARCHAR);
CREATE TABLE raw.dataset_rows (
    dataset_id VARCHAR, "row" INTEGER, trajectory_id VARCHAR, step_id VARCHAR, dropped_because VARCHAR
);

-- 7
CREATE TABLE raw.prompts (unit_id VARCHAR, attempt INTEGER, prompt_hash VARCHAR, prompt JSON);

-- 9
CREATE TABLE raw.labels (
    trajectory_id VARCHAR, turn INTEGER, person VARCHAR, verdict VARCHAR, first_wrong_step INTEGER, remark VARCHAR,
    draft_key VARCHAR, key_shown BOOLEAN, labelled_at TIMESTAMP
);

-- 11
ALTER TABLE raw.calls ADD COLUMN answered_at TIMESTAMP;
ALTER TABLE raw.calls ADD COLUMN failed_tries JSON;
