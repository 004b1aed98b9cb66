-- The questions that `augment` made from each problem: one row for each rewrite, including refused ones. If nothing
-- could be made from a problem, it has one row without a question, which gives the reason.
CREATE TABLE raw.rewrites (
    commit_id BIGINT, number INTEGER, augmentation VARCHAR, problem_id VARCHAR, question VARCHAR, answer VARCHAR,
    refused VARCHAR, confidence DOUBLE, answers INTEGER, agreed INTEGER
);
CREATE VIEW rewrites AS
SELECT p.run_id, p.recipe, p.replicate, p.problem_id AS parent_id, r.augmentation, r.number, r.problem_id, r.question,
       r.answer, r.refused IS NULL AS accepted, r.refused, r.confidence, r.answers, r.agreed, p.unit_id
FROM raw.rewrites r JOIN raw.published p USING (commit_id);
COMMENT ON VIEW rewrites IS 'A question that augment made of another, accepted or refused; one row without a question if nothing could be made of a problem';
COMMENT ON COLUMN rewrites.run_id IS 'The run that published it';
COMMENT ON COLUMN rewrites.recipe IS 'The recipe';
COMMENT ON COLUMN rewrites.replicate IS 'The replicate';
COMMENT ON COLUMN rewrites.parent_id IS 'The problem that it was made from';
COMMENT ON COLUMN rewrites.augmentation IS 'The method';
COMMENT ON COLUMN rewrites.number IS 'Its number among the rewrites of the problem, from 0';
COMMENT ON COLUMN rewrites.problem_id IS 'The new problem, if it was accepted';
COMMENT ON COLUMN rewrites.question IS 'The new question; the original question if the method makes only answers';
COMMENT ON COLUMN rewrites.answer IS 'The known answer that the acceptance test compared with, or the answer that the samples agreed on';
COMMENT ON COLUMN rewrites.accepted IS 'Whether it passed the acceptance test';
COMMENT ON COLUMN rewrites.refused IS 'Why it was refused: a kind, and details after a colon; NULL if it was accepted';
COMMENT ON COLUMN rewrites.confidence IS 'Share of the sampled answers that equal the answer; NULL if none was drawn';
COMMENT ON COLUMN rewrites.answers IS 'How many answers were drawn';
COMMENT ON COLUMN rewrites.agreed IS 'How many of them equal the answer';
COMMENT ON COLUMN rewrites.unit_id IS 'The unit of work';
COMMENT ON TABLE raw.rewrites IS 'Rewrites of every attempt; read the view rewrites';

CREATE VIEW augmentations AS
SELECT r.recipe, r.replicate, r.augmentation, any_value(c.model) AS model, count(DISTINCT r.parent_id) AS parents,
       count(r.question) AS rewrites, count(*) FILTER (r.accepted) AS accepted,
       count(*) FILTER (r.accepted) / nullif(count(r.question), 0) AS acceptance,
       avg(r.confidence) FILTER (r.accepted) AS confidence
FROM rewrites r LEFT JOIN raw.recipes c USING (recipe) GROUP BY r.recipe, r.replicate, r.augmentation ORDER BY ALL;
COMMENT ON VIEW augmentations IS 'How many rewrites each method made, and how many were accepted';
COMMENT ON COLUMN augmentations.recipe IS 'The recipe';
COMMENT ON COLUMN augmentations.replicate IS 'The replicate';
COMMENT ON COLUMN augmentations.augmentation IS 'The method';
COMMENT ON COLUMN augmentations.model IS 'The model that rewrote';
COMMENT ON COLUMN augmentations.parents IS 'Problems that the method was given';
COMMENT ON COLUMN augmentations.rewrites IS 'Questions that it made of them';
COMMENT ON COLUMN augmentations.accepted IS 'How many of them were accepted';
COMMENT ON COLUMN augmentations.acceptance IS 'accepted / rewrites';
COMMENT ON COLUMN augmentations.confidence IS 'Mean confidence of the accepted ones';
COMMENT ON COLUMN raw.rewrites.commit_id IS 'The commit that published the row';
