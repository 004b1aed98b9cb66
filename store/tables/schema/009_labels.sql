-- What people say of stored drafts. A label belongs to a text, not to an attempt at a unit: it stands as long as the
-- draft of its trajectory and turn is the one that was shown, however often the unit is published again.
CREATE TABLE raw.labels (
    trajectory_id VARCHAR, turn INTEGER, person VARCHAR, verdict VARCHAR, first_wrong_step INTEGER, remark VARCHAR,
    draft_key VARCHAR, key_shown BOOLEAN, labelled_at TIMESTAMP
);

CREATE VIEW labels AS
WITH drafts AS (
    SELECT t.trajectory_id, t.turn, t.unit_id, p.run_id, p.problem_id, s.prefix_key
    FROM raw.turns t SEMI JOIN raw.labels l ON l.trajectory_id = t.trajectory_id AND l.turn = t.turn
    JOIN raw.published p ON p.unit_id = t.unit_id AND p.attempt = t.attempt
    JOIN raw.steps s ON s.unit_id = t.unit_id AND s.attempt = t.attempt AND s.step_id = t.leaf_step_id
)
SELECT l.trajectory_id, l.turn, l.person, l.verdict, l.first_wrong_step, l.remark, l.key_shown,
       d.prefix_key IS NOT NULL AND row_number() OVER (
           PARTITION BY l.trajectory_id, l.turn, l.person, d.prefix_key IS NOT NULL
           ORDER BY l.labelled_at DESC, l.rowid DESC) = 1 AS current,
       l.draft_key, l.labelled_at, d.run_id, d.problem_id, d.unit_id
FROM raw.labels l LEFT JOIN drafts d
    ON d.trajectory_id = l.trajectory_id AND d.turn = l.turn AND d.prefix_key = l.draft_key;

CREATE VIEW raw.labelled_steps AS
SELECT l.*, s.step_id, row_number() OVER (PARTITION BY l.trajectory_id, l.turn, l.person ORDER BY s.depth) AS number
FROM main.labels l JOIN raw.published p USING (unit_id)
JOIN raw.turns t ON t.unit_id = p.unit_id AND t.attempt = p.attempt AND t.trajectory_id = l.trajectory_id AND t.turn = l.turn
JOIN raw.steps s ON s.unit_id = p.unit_id AND s.attempt = p.attempt AND s.turn = l.turn AND s."by" = 'model'
    AND (s.step_id = t.leaf_step_id OR starts_with(t.leaf_step_id, s.step_id || '.'))
WHERE l.current;

CREATE OR REPLACE VIEW grades AS
SELECT p.run_id, g.trajectory_id, g.step_id, g.turn, g.grader, g.grader_model, g.verdict, g.value, g.p_good,
       g.p_neutral, g.p_bad, g.n, g.lo, g.hi, g.reason, g.call_id, g.unit_id, p.published_at AS graded_at
FROM raw.grades g JOIN raw.published p USING (unit_id, attempt)
UNION ALL
SELECT run_id, trajectory_id, NULL, turn, 'human', person, verdict, NULL, NULL, NULL, NULL, NULL, NULL, NULL, remark, NULL,
       unit_id, labelled_at
FROM main.labels WHERE current AND verdict <> 'skip'
UNION ALL
SELECT run_id, trajectory_id, step_id, turn, 'human', person,
       CASE WHEN number = first_wrong_step THEN 'wrong' ELSE 'right' END,
       CASE WHEN number = first_wrong_step THEN 0.0 ELSE 1.0 END, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       unit_id, labelled_at
FROM raw.labelled_steps WHERE verdict = 'right' OR (verdict = 'wrong' AND number <= first_wrong_step);

-- Each person beside everybody else who gave verdicts on the same drafts and steps.
CREATE VIEW label_agreement AS
WITH verdicts AS (
    SELECT g.trajectory_id, g.turn, g.step_id, g.grader, g.grader_model, arg_max(g.verdict, g.graded_at) AS verdict
    FROM main.grades g SEMI JOIN raw.labels l ON l.trajectory_id = g.trajectory_id AND l.turn = g.turn
    GROUP BY ALL HAVING verdict IS NOT NULL
), pairs AS (
    SELECT p.grader_model AS person, g.grader, g.grader_model, l.key_shown,
           CASE WHEN p.step_id IS NULL THEN 'draft' ELSE 'step' END AS part, p.verdict = 'right' AS said,
           CASE g.verdict WHEN 'right' THEN true WHEN 'wrong' THEN false END AS found
    FROM verdicts p JOIN main.labels l
        ON l.current AND l.trajectory_id = p.trajectory_id AND l.turn = p.turn AND l.person = p.grader_model
    JOIN verdicts g ON g.trajectory_id = p.trajectory_id AND g.turn = p.turn
        AND g.step_id IS NOT DISTINCT FROM p.step_id
    WHERE p.grader = 'human' AND NOT (g.grader = 'human' AND g.grader_model = p.grader_model)
), counted AS (
    SELECT person, grader, grader_model, part, key_shown, count(found) AS judged, count(*) - count(found) AS undecided,
           count(*) FILTER (said AND found) AS both_right, count(*) FILTER (NOT said AND NOT found) AS both_wrong,
           count(*) FILTER (said AND NOT found) AS person_right, count(*) FILTER (NOT said AND found) AS grader_right
    FROM pairs GROUP BY ALL
), expected AS (
    SELECT *, (both_right + both_wrong) / nullif(judged, 0) AS agreement,
           ((both_right + person_right) * (both_right + grader_right) + (both_wrong + grader_right) * (both_wrong + person_right))
               / nullif(judged * judged, 0) AS by_chance
    FROM counted
)
SELECT person, grader, grader_model, part, key_shown, judged, agreement,
       CASE WHEN by_chance < 1 THEN (agreement - by_chance) / (1 - by_chance) END AS kappa,
       both_right, both_wrong, person_right, grader_right, undecided
FROM expected ORDER BY ALL;

COMMENT ON TABLE raw.labels IS 'Every label that a person gave, the replaced ones too; read the view labels';
COMMENT ON VIEW raw.labelled_steps IS 'The labels that count, with each step of their drafts and its number';
COMMENT ON COLUMN raw.labelled_steps.number IS 'The step''s number in its draft, from 1';

COMMENT ON VIEW labels IS 'What a person said of a draft; those that count are in the view grades, by the grader human';
COMMENT ON COLUMN labels.trajectory_id IS 'The trajectory that was judged';
COMMENT ON COLUMN labels.turn IS 'Which draft was judged, from 1';
COMMENT ON COLUMN labels.person IS 'Who judged';
COMMENT ON COLUMN labels.verdict IS 'right, wrong or skip';
COMMENT ON COLUMN labels.first_wrong_step IS 'The number of the first wrong step of the draft, from 1; NULL where there is none, or none was named';
COMMENT ON COLUMN labels.remark IS 'What the person remarked';
COMMENT ON COLUMN labels.key_shown IS 'Whether the known answer and other grades were in sight: such a label is no independent judgement';
COMMENT ON COLUMN labels.current IS 'Whether it counts: it is the person''s last of this draft, and the draft is the one that was shown';
COMMENT ON COLUMN labels.draft_key IS 'A hash of the question and every text up to the end of the draft that was shown';
COMMENT ON COLUMN labels.labelled_at IS 'When, UTC';
COMMENT ON COLUMN labels.run_id IS 'The run that published the draft; NULL where the draft is another now';
COMMENT ON COLUMN labels.problem_id IS 'The problem that the draft solves';
COMMENT ON COLUMN labels.unit_id IS 'The unit of work of the draft';

COMMENT ON VIEW grades IS 'One judgement of a draft, or of one step of it';
COMMENT ON COLUMN grades.run_id IS 'The run that published it; of a person''s, the run that published the draft';
COMMENT ON COLUMN grades.trajectory_id IS 'The trajectory that was judged';
COMMENT ON COLUMN grades.step_id IS 'The step that was judged; NULL where it was the whole draft';
COMMENT ON COLUMN grades.turn IS 'Which draft was judged, from 1';
COMMENT ON COLUMN grades.grader IS 'Who judged; oracle knows the key, human is a person';
COMMENT ON COLUMN grades.grader_model IS 'The model that the grader asked, or the name of the person';
COMMENT ON COLUMN grades.verdict IS 'right, wrong or undecided; NULL for a grader that only scores';
COMMENT ON COLUMN grades.value IS 'The score: in [0, 1], or a log-probability for likelihood; NULL where the grader could not tell, or gives no score';
COMMENT ON COLUMN grades.p_good IS 'Probability that the step is good';
COMMENT ON COLUMN grades.p_neutral IS 'Probability that the step is neutral';
COMMENT ON COLUMN grades.p_bad IS 'Probability that the step is bad';
COMMENT ON COLUMN grades.n IS 'How many rollouts or votes the value rests on';
COMMENT ON COLUMN grades.lo IS 'Lower end of its 95% interval';
COMMENT ON COLUMN grades.hi IS 'Upper end of its 95% interval';
COMMENT ON COLUMN grades.reason IS 'Why the grader decided so, or could not; a person''s remark';
COMMENT ON COLUMN grades.call_id IS 'The call that it came from';
COMMENT ON COLUMN grades.unit_id IS 'The unit of work that published it';
COMMENT ON COLUMN grades.graded_at IS 'When it was published, UTC; the last one counts';

COMMENT ON VIEW label_agreement IS 'How far each person agrees with each grader that gives verdicts, other persons included, on the drafts and steps that both judged';
COMMENT ON COLUMN label_agreement.person IS 'Who labelled';
COMMENT ON COLUMN label_agreement.grader IS 'Who is compared: oracle, human, or another grader that gives verdicts';
COMMENT ON COLUMN label_agreement.grader_model IS 'The model that the grader asked, or the other person';
COMMENT ON COLUMN label_agreement.part IS 'draft, or step: single steps of a draft';
COMMENT ON COLUMN label_agreement.key_shown IS 'Whether the known answer was in sight when the person labelled';
COMMENT ON COLUMN label_agreement.judged IS 'How many drafts or steps both decided';
COMMENT ON COLUMN label_agreement.agreement IS 'Share of those on which they agree';
COMMENT ON COLUMN label_agreement.kappa IS 'Cohen''s kappa (1960): agreement beyond chance, 1 for all, 0 for what chance gives; NULL where both always say the same one thing';
COMMENT ON COLUMN label_agreement.both_right IS 'Both say right';
COMMENT ON COLUMN label_agreement.both_wrong IS 'Both say wrong';
COMMENT ON COLUMN label_agreement.person_right IS 'The person says right, the grader wrong';
COMMENT ON COLUMN label_agreement.grader_right IS 'The grader says right, the person wrong';
COMMENT ON COLUMN label_agreement.undecided IS 'The grader could not decide; not among those judged';
