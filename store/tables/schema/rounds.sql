-- Rounds of self-training. A round gets a row whenever a part of it is done, and the last row is used. A model gets a
-- row when it is trained; the model with which a loop begins gets one at the beginning.
CREATE TABLE raw.rounds (
    loop_id VARCHAR, round INTEGER, state VARCHAR, method VARCHAR, config JSON, run_id VARCHAR,
    generation_recipe VARCHAR, generation_replicate VARCHAR, generation_runs VARCHAR[], annotation_runs VARCHAR[],
    dataset_id VARCHAR, policy_before VARCHAR, policy_after VARCHAR, evaluation_recipe VARCHAR,
    evaluation_replicate VARCHAR, evaluation_runs VARCHAR[], accuracy DOUBLE, accuracy_lo DOUBLE, accuracy_hi DOUBLE,
    change DOUBLE, change_lo DOUBLE, change_hi DOUBLE, gain DOUBLE, gain_lo DOUBLE, gain_hi DOUBLE, figures JSON,
    decision VARCHAR, reason VARCHAR, noted_at TIMESTAMP
);
CREATE TABLE raw.models (
    loop_id VARCHAR, round INTEGER, role VARCHAR, model_id VARCHAR, name VARCHAR, parent_id VARCHAR,
    dataset_id VARCHAR, rows_file VARCHAR, rows_sha256 VARCHAR, trainer VARCHAR, settings JSON, files JSON,
    figures JSON, run_id VARCHAR, trained_at TIMESTAMP
);
CREATE VIEW rounds AS
SELECT * FROM raw.rounds QUALIFY row_number() OVER (PARTITION BY loop_id, round ORDER BY noted_at DESC, rowid DESC) = 1;
COMMENT ON VIEW rounds IS 'A round of self-training, as far as it has come; round 0 measures the model that the loop began with';
COMMENT ON COLUMN rounds.loop_id IS 'The loop: a hash of its method, its first model and its settings, but not of the number of rounds';
COMMENT ON COLUMN rounds.round IS 'The number of the round, from 1; 0 for the model that the loop began with';
COMMENT ON COLUMN rounds.state IS 'What was done last: generated, exported, trained, or evaluated, which ends the round';
COMMENT ON COLUMN rounds.method IS 'The method, by its name or its file';
COMMENT ON COLUMN rounds.config IS 'The method and the settings of the loop, as JSON';
COMMENT ON COLUMN rounds.run_id IS 'The run of self-train that recorded this state';
COMMENT ON COLUMN rounds.generation_recipe IS 'The recipe of the trajectories that the round drew for training';
COMMENT ON COLUMN rounds.generation_replicate IS 'Their replicate: with the recipe it names exactly these trajectories';
COMMENT ON COLUMN rounds.generation_runs IS 'The runs that drew them: several if the round was stopped meanwhile';
COMMENT ON COLUMN rounds.annotation_runs IS 'The runs that graded them';
COMMENT ON COLUMN rounds.dataset_id IS 'The export that the policy was trained on';
COMMENT ON COLUMN rounds.policy_before IS 'The model_id of the policy that drew';
COMMENT ON COLUMN rounds.policy_after IS 'The model_id of the policy that was trained, also if it was taken back';
COMMENT ON COLUMN rounds.evaluation_recipe IS 'The recipe of the samples on the held-out problems';
COMMENT ON COLUMN rounds.evaluation_replicate IS 'Their replicate: with the recipe it names exactly these samples; every round of a loop has the same';
COMMENT ON COLUMN rounds.evaluation_runs IS 'The runs that drew them';
COMMENT ON COLUMN rounds.accuracy IS 'pass@1 of policy_after: the mean over held-out problems of the share of right samples';
COMMENT ON COLUMN rounds.accuracy_lo IS 'Lower end of its 95% interval over problems';
COMMENT ON COLUMN rounds.accuracy_hi IS 'Upper end of its 95% interval over problems';
COMMENT ON COLUMN rounds.change IS 'Mean difference to policy_before over the same problems';
COMMENT ON COLUMN rounds.change_lo IS 'Lower end of its 95% paired interval';
COMMENT ON COLUMN rounds.change_hi IS 'Upper end of its 95% paired interval';
COMMENT ON COLUMN rounds.gain IS 'Mean difference to the model that the loop began with, over the same problems';
COMMENT ON COLUMN rounds.gain_lo IS 'Lower end of its 95% paired interval';
COMMENT ON COLUMN rounds.gain_hi IS 'Upper end of its 95% paired interval';
COMMENT ON COLUMN rounds.figures IS 'Other figures, as JSON: problems, rows, tokens, seconds';
COMMENT ON COLUMN rounds.decision IS 'What follows: go on, stop, or take back (the next round begins with the policy before)';
COMMENT ON COLUMN rounds.reason IS 'Why, in words';
COMMENT ON COLUMN rounds.noted_at IS 'When this state was recorded, UTC';
COMMENT ON TABLE raw.rounds IS 'Every state of every round; read the view rounds';

CREATE VIEW models AS
SELECT * FROM raw.models
QUALIFY row_number() OVER (PARTITION BY loop_id, round, role ORDER BY trained_at DESC, rowid DESC) = 1;
COMMENT ON VIEW models IS 'A model that a round of self-training made, with its rows, parent, settings and files; round 0 is the model that the loop began with';
COMMENT ON COLUMN models.loop_id IS 'The loop';
COMMENT ON COLUMN models.round IS 'The round that made it; 0 for the model that the loop began with';
COMMENT ON COLUMN models.role IS 'policy, or verifier';
COMMENT ON COLUMN models.model_id IS 'A hash of its files; of its name if it has no files here';
COMMENT ON COLUMN models.name IS 'Its name, as --model takes it';
COMMENT ON COLUMN models.parent_id IS 'The model_id of the model that training began with; NULL for round 0';
COMMENT ON COLUMN models.dataset_id IS 'The export that it was trained on';
COMMENT ON COLUMN models.rows_file IS 'The file of that export';
COMMENT ON COLUMN models.rows_sha256 IS 'The SHA-256 of that file';
COMMENT ON COLUMN models.trainer IS 'The trainer';
COMMENT ON COLUMN models.settings IS 'The settings of the trainer, as JSON';
COMMENT ON COLUMN models.files IS 'The SHA-256 of each file of the model, by its name, as JSON';
COMMENT ON COLUMN models.figures IS 'What the trainer reported, as JSON: rows, steps, losses, seconds';
COMMENT ON COLUMN models.run_id IS 'The run of self-train that made it';
COMMENT ON COLUMN models.trained_at IS 'When, UTC';
COMMENT ON TABLE raw.models IS 'Every model that was recorded; read the view models';
