-- The watch over self-training: measurements of each round's model on the same held-out problems with the same seeds,
-- and the alarms. If a round is measured again, it gets new rows, and the last ones are used.
CREATE TABLE raw.collapse (
    loop_id VARCHAR, round INTEGER, indicator VARCHAR, k INTEGER, level INTEGER, value DOUBLE, value_lo DOUBLE,
    value_hi DOUBLE, change DOUBLE, change_lo DOUBLE, change_hi DOUBLE, problems INTEGER, since INTEGER,
    noted_at TIMESTAMP
);
CREATE TABLE raw.alarms (
    loop_id VARCHAR, round INTEGER, alarm VARCHAR, p_value DOUBLE, sounds BOOLEAN, reason VARCHAR, since INTEGER,
    noted_at TIMESTAMP
);
CREATE TABLE raw.reference_losses (
    loop_id VARCHAR, round INTEGER, problem_id VARCHAR, tokens INTEGER, loss DOUBLE, noted_at TIMESTAMP
);
CREATE VIEW collapse AS
SELECT * FROM raw.collapse QUALIFY noted_at = max(noted_at) OVER (PARTITION BY loop_id, round)
ORDER BY loop_id, indicator, k, level, round;
CREATE VIEW alarms AS
SELECT * FROM raw.alarms QUALIFY noted_at = max(noted_at) OVER (PARTITION BY loop_id, round)
ORDER BY loop_id, alarm, round;
COMMENT ON TABLE raw.collapse IS 'Every measurement of every round; read the view collapse';
COMMENT ON TABLE raw.alarms IS 'Every test of every round; read the view alarms';
COMMENT ON TABLE raw.reference_losses IS 'What the model of a round thinks of the worked solutions of held-out problems';
COMMENT ON COLUMN raw.reference_losses.tokens IS 'Tokens of the solution, its end included';
COMMENT ON COLUMN raw.reference_losses.loss IS 'Mean negative log-likelihood of a token of the solution, in nats';
COMMENT ON COLUMN raw.reference_losses.problem_id IS 'The held-out problem';
COMMENT ON VIEW collapse IS 'Signs of collapse in a loop of self-training: one row for each round and indicator, over all held-out problems and, for some indicators, over those of each level';
COMMENT ON COLUMN collapse.loop_id IS 'The loop';
COMMENT ON COLUMN collapse.round IS 'The round; 0 is the model that the loop began with';
COMMENT ON COLUMN collapse.indicator IS 'What is measured: pass_at_k, majority, entropy_bits, distinct_ngrams, signatures, lost, reference_loss ...; docs/self-train.md explains each';
COMMENT ON COLUMN collapse.k IS 'The samples of pass_at_k, or the words of an n-gram; NULL for other indicators';
COMMENT ON COLUMN collapse.level IS 'The level of the problems; NULL for all problems';
COMMENT ON COLUMN collapse.value IS 'The mean over problems; for verifier_auroc, verifier_ece and kept_gini the value over all samples or rows';
COMMENT ON COLUMN collapse.value_lo IS 'Lower end of its 95% interval, a bootstrap over problems';
COMMENT ON COLUMN collapse.value_hi IS 'Upper end of its 95% interval';
COMMENT ON COLUMN collapse.change IS 'Mean difference to the round in `since` over the problems that both have';
COMMENT ON COLUMN collapse.change_lo IS 'Lower end of its 95% paired interval';
COMMENT ON COLUMN collapse.change_hi IS 'Upper end of its 95% paired interval';
COMMENT ON COLUMN collapse.problems IS 'Problems that have a value';
COMMENT ON COLUMN collapse.since IS 'The round that the change is measured from: the first one that has the indicator';
COMMENT ON COLUMN collapse.noted_at IS 'When it was measured, UTC';
COMMENT ON VIEW alarms IS 'Tests for collapse in a loop of self-training: one row for each round and alarm';
COMMENT ON COLUMN alarms.loop_id IS 'The loop';
COMMENT ON COLUMN alarms.round IS 'The round';
COMMENT ON COLUMN alarms.alarm IS 'narrowing (pass@1 rises, pass@N falls), references (their loss rises), verifier_gap (its scores rise against the truth), or verifier_order (it tells right from wrong worse)';
COMMENT ON COLUMN alarms.p_value IS 'One-sided p-value of a sign-flip test over problems, against the round in `since`';
COMMENT ON COLUMN alarms.sounds IS 'Whether the p-value is at most 0.01: if nothing has changed, an alarm sounds in at most 1% of rounds';
COMMENT ON COLUMN alarms.reason IS 'The figures, in words';
COMMENT ON COLUMN alarms.since IS 'The round that is compared with';
COMMENT ON COLUMN alarms.noted_at IS 'When it was tested, UTC';
