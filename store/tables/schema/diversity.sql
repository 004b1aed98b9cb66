-- The distances of new questions to the questions that they were made from.
CREATE TABLE raw.embeddings (model VARCHAR, text_hash VARCHAR, vector FLOAT[], embedded_at TIMESTAMP);
CREATE TABLE raw.kinds (
    run_id VARCHAR, embedder VARCHAR, augmentation VARCHAR, base INTEGER, rewrites INTEGER, accepted INTEGER,
    refused VARCHAR, measured_at TIMESTAMP
);
CREATE TABLE raw.distances (
    run_id VARCHAR, augmentation VARCHAR, problem_id VARCHAR, nearest_id VARCHAR, distance DOUBLE
);
CREATE VIEW question_diversity AS
WITH found AS (
    SELECT run_id, augmentation, count(*) AS questions, avg(distance) AS gain, median(distance) AS median,
           avg((distance < 0.1)::INT) AS near
    FROM raw.distances GROUP BY ALL
), latest AS (
    FROM raw.kinds QUALIFY measured_at = max(measured_at) OVER (PARTITION BY embedder)
)
SELECT k.embedder, k.augmentation, k.base, coalesce(f.questions, 0) AS questions, f.gain, f.median, f.near, k.rewrites,
       k.accepted, k.accepted / nullif(k.rewrites, 0) AS acceptance, k.refused, k.measured_at, k.run_id
FROM latest k LEFT JOIN found f USING (run_id, augmentation) ORDER BY ALL;
COMMENT ON TABLE raw.embeddings IS 'Embeddings that a provider was paid for; a text has one for each model';
COMMENT ON COLUMN raw.embeddings.model IS 'The model of embeddings';
COMMENT ON COLUMN raw.embeddings.text_hash IS 'A hash of the text';
COMMENT ON COLUMN raw.embeddings.vector IS 'The embedding, as the model gave it';
COMMENT ON COLUMN raw.embeddings.embedded_at IS 'When it was stored, in UTC';
COMMENT ON TABLE raw.kinds IS 'Every measurement of each kind of rewrite; read the view question_diversity';
COMMENT ON TABLE raw.distances IS 'The distance of each new question from the base set, for every measurement';
COMMENT ON COLUMN raw.distances.nearest_id IS 'The problem of the base set whose question is nearest';
COMMENT ON COLUMN raw.distances.distance IS 'The squared Euclidean distance of the embeddings, which have length 1: from 0 to 4';
COMMENT ON COLUMN raw.distances.problem_id IS 'The new problem; the problem itself if the method makes only answers';
COMMENT ON VIEW question_diversity IS 'The last measurement by each model of embeddings: the diversity gain of each kind of rewrite';
COMMENT ON COLUMN question_diversity.embedder IS 'The model of embeddings';
COMMENT ON COLUMN question_diversity.augmentation IS 'The kind of rewrite: the method that made the questions';
COMMENT ON COLUMN question_diversity.base IS 'Questions of the base set: those that were rewritten and are no rewrites themselves';
COMMENT ON COLUMN question_diversity.questions IS 'Accepted new questions that were measured';
COMMENT ON COLUMN question_diversity.gain IS 'The diversity gain: the mean squared distance of a new question from the nearest question of the base set';
COMMENT ON COLUMN question_diversity.median IS 'The median of these squared distances';
COMMENT ON COLUMN question_diversity.near IS 'Share of new questions with a squared distance below 0.1, which is a cosine above 0.95';
COMMENT ON COLUMN question_diversity.rewrites IS 'Questions that the method made';
COMMENT ON COLUMN question_diversity.accepted IS 'How many of them were accepted';
COMMENT ON COLUMN question_diversity.acceptance IS 'accepted / rewrites';
COMMENT ON COLUMN question_diversity.refused IS 'Why the kind was refused; NULL if it was not';
COMMENT ON COLUMN question_diversity.measured_at IS 'When it was measured, in UTC';
COMMENT ON COLUMN question_diversity.run_id IS 'The run that measured it';
