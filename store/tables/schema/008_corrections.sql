-- A first draft that was written to its end is a sample of the model, whatever failed after it; the turns of a path that
-- failed are in no comparison of turns, which would be of other trajectories from one to the next.
CREATE VIEW raw.outlived AS
SELECT p.recipe, p.replicate, p.problem_id, t.trajectory_id, t.turns, t.oracle_used, d.turn, d.answer,
       CASE WHEN d.answer IS NULL THEN false ELSE o.correct END AS correct
FROM raw.trajectories t JOIN raw.published p USING (unit_id, attempt)
ANTI JOIN (SELECT problem_id FROM main.problems WHERE answer IS NULL) keyless ON keyless.problem_id = p.problem_id
JOIN raw.turns d ON d.unit_id = t.unit_id AND d.attempt = t.attempt AND d.trajectory_id = t.trajectory_id
LEFT JOIN raw.oracle o ON o.trajectory_id = d.trajectory_id AND o.turn = d.turn
WHERE t.role = 'sample' AND t.stop = 'failed' AND d.turn = 1 AND d.turn < t.turns AND d.stop = 'answered'
WINDOW problem AS (PARTITION BY p.recipe, p.replicate, p.problem_id)
QUALIFY count(o.correct) OVER problem > 0 OR count(correct) OVER problem = count(*) OVER problem;

CREATE OR REPLACE VIEW raw.drafts AS
SELECT 'first' AS draft, * FROM raw.sampled WHERE turn = 1
UNION ALL
SELECT 'first' AS draft, * FROM raw.outlived
UNION ALL
SELECT 'last' AS draft, * FROM raw.sampled WHERE turn = turns;

-- A recipe whose strategy works with feedback is told from others by that, too.
CREATE OR REPLACE VIEW raw.recipes AS
SELECT recipe, any_value(strategy) AS strategy, any_value(model) AS model, any_value(config ->> 'feedback') AS feedback
FROM raw.run_events WHERE event = 'started' GROUP BY recipe;

CREATE OR REPLACE VIEW pass_at_k AS
WITH counted AS (
    SELECT recipe, replicate, draft, problem_id, count(correct) AS n, count(*) FILTER (correct) AS c,
           count(*) - count(correct) AS undecided, bool_or(oracle_used) AS oracle_used
    FROM raw.drafts GROUP BY ALL HAVING count(correct) > 0
), sizes AS (
    SELECT recipe, replicate, draft, unnest(raw.powers_and(max(n))) AS k FROM counted GROUP BY ALL
)
SELECT recipe, replicate, strategy, feedback, model, draft, k, avg(1 - raw.choose_ratio(n - c, n, k)) AS pass_at_k, count(*) AS problems,
       sum(n)::BIGINT AS samples, sum(undecided)::BIGINT AS undecided, bool_or(oracle_used) AS oracle_used
FROM counted JOIN sizes USING (recipe, replicate, draft) LEFT JOIN raw.recipes USING (recipe) WHERE k <= n
GROUP BY ALL ORDER BY ALL;

CREATE OR REPLACE VIEW best_of_n AS
WITH scores AS (
    SELECT trajectory_id, turn, grader, grader_model, arg_max(value, graded_at) AS value
    FROM main.grades WHERE step_id IS NULL AND value IS NOT NULL AND NOT isnan(value) GROUP BY ALL
), judged AS (
    SELECT DISTINCT d.recipe, d.replicate, d.draft, d.problem_id, v.grader, v.grader_model
    FROM raw.drafts d JOIN scores v USING (trajectory_id, turn)
), scored AS (
    SELECT j.*, d.oracle_used, CASE WHEN d.answer IS NULL THEN NULL ELSE v.value END AS score,
           CASE WHEN v.value IS NULL THEN 0 ELSE d.correct::INTEGER END AS correct
    FROM judged j JOIN raw.drafts d USING (recipe, replicate, draft, problem_id)
    LEFT JOIN scores v ON v.trajectory_id = d.trajectory_id AND v.turn = d.turn AND v.grader = j.grader
        AND v.grader_model IS NOT DISTINCT FROM j.grader_model
    WHERE d.correct IS NOT NULL
), ties AS (
    SELECT recipe, replicate, draft, problem_id, grader, grader_model, score, count(*) AS size, avg(correct) AS correct,
           bool_or(oracle_used) AS oracle_used
    FROM scored GROUP BY ALL
), placed AS (
    SELECT *, sum(size) OVER (problem ORDER BY score DESC NULLS LAST) AS stop, sum(size) OVER problem AS n
    FROM ties WINDOW problem AS (PARTITION BY recipe, replicate, draft, problem_id, grader, grader_model)
), sizes AS (
    SELECT recipe, replicate, draft, grader, grader_model, unnest(raw.powers_and(max(n))) AS k FROM placed GROUP BY ALL
), expected AS (
    SELECT p.recipe, p.replicate, p.draft, p.grader, p.grader_model, s.k, p.problem_id, any_value(n) AS n,
           sum(correct * (raw.choose_ratio(n - stop + size, n, k) - raw.choose_ratio(n - stop, n, k))) AS accuracy,
           bool_or(oracle_used) AS oracle_used
    FROM placed p JOIN sizes s ON p.recipe = s.recipe AND p.replicate = s.replicate AND p.draft = s.draft
        AND p.grader = s.grader AND p.grader_model IS NOT DISTINCT FROM s.grader_model AND s.k <= p.n
    GROUP BY ALL
)
SELECT recipe, replicate, strategy, feedback, model, draft, grader, grader_model, k, avg(accuracy) AS accuracy, count(*) AS problems,
       sum(n)::BIGINT AS samples, bool_or(oracle_used) AS oracle_used
FROM expected LEFT JOIN raw.recipes USING (recipe) GROUP BY ALL ORDER BY ALL;

-- What each redraft did to the text of the draft before it. Comparing two texts takes milliseconds where they are long, so
-- that the same 200 redrafts of each turn stand for all; whether a text is the same is known of every one.
CREATE VIEW raw.redrafts AS
WITH paired AS (
    SELECT s.recipe, s.replicate, s.trajectory_id, s.turn, d.text, lag(d.text) OVER path AS text_before
    FROM raw.sampled s JOIN main.turns d USING (trajectory_id, turn)
    WINDOW path AS (PARTITION BY s.trajectory_id ORDER BY s.turn)
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY recipe, replicate, turn ORDER BY md5(trajectory_id)) AS place
    FROM paired WHERE turn > 1
)
SELECT recipe, replicate, trajectory_id, turn, text = text_before AS same_text,
       CASE WHEN place > 200 THEN NULL WHEN text = text_before THEN 0.0
            ELSE levenshtein(text, text_before) / greatest(strlen(text), strlen(text_before)) END AS text_change
FROM numbered;

CREATE VIEW text_changes AS
WITH binned AS (
    SELECT recipe, replicate, turn, ceil(round(text_change * 10, 9))::INTEGER AS bin
    FROM raw.redrafts WHERE text_change IS NOT NULL
)
SELECT recipe, replicate, strategy, feedback, model, turn, greatest(bin - 1, 0) / 10 AS above, bin / 10 AS up_to, count(*) AS redrafts,
       count(*) / sum(count(*)) OVER (PARTITION BY recipe, replicate, turn) AS share
FROM binned LEFT JOIN raw.recipes USING (recipe)
GROUP BY recipe, replicate, strategy, feedback, model, turn, bin ORDER BY ALL;

-- The tokens of each draft, each step counted in the draft that it was written for.
CREATE VIEW raw.written AS
SELECT d.trajectory_id, d.turn, sum(s.tokens)::BIGINT AS tokens
FROM raw.turns d JOIN raw.published p USING (unit_id, attempt)
JOIN raw.steps s ON s.unit_id = d.unit_id AND s.attempt = d.attempt AND s.turn = d.turn
    AND starts_with(d.leaf_step_id || '.', s.step_id || '.')
GROUP BY ALL;

-- What the model wrote in each turn for one sample: all that it wrote for the problem, discarded drafts too, each step
-- counted once, shared by all samples of the problem, also those that failed. Rollouts from a draft are paid by the turn
-- that follows it.
CREATE VIEW raw.paid AS
WITH drawn AS (
    SELECT p.recipe, p.replicate, p.problem_id, count(*) AS samples
    FROM raw.trajectories t JOIN raw.published p USING (unit_id, attempt) WHERE t.role = 'sample' GROUP BY ALL
), written AS (
    SELECT p.recipe, p.replicate, p.problem_id, s.turn + (c.purpose IS NOT DISTINCT FROM 'rollout')::INTEGER AS turn,
           sum(s.tokens) AS tokens
    FROM raw.steps s JOIN raw.published p USING (unit_id, attempt)
    LEFT JOIN (SELECT DISTINCT unit_id, call_id, purpose FROM raw.calls WHERE purpose = 'rollout') c
        ON c.unit_id = s.unit_id AND c.call_id = s.call_id
    GROUP BY ALL
)
SELECT recipe, replicate, problem_id, turn, tokens / samples AS tokens
FROM written JOIN drawn USING (recipe, replicate, problem_id);

-- A trajectory that ended earlier keeps its last answer, so that every turn is measured over the same trajectories, and
-- right answers minus those of the turn before are wrong_to_right minus right_to_wrong, exactly.
CREATE OR REPLACE VIEW corrections AS
WITH undecided AS (
    SELECT recipe, replicate, count(DISTINCT trajectory_id) AS undecided FROM raw.sampled WHERE correct IS NULL GROUP BY ALL
), decided AS (
    SELECT *, lag(answer) OVER path AS answer_before, lag(correct) OVER path AS correct_before,
           bool_or(correct) OVER path AS any_correct
    FROM raw.sampled
    WINDOW path AS (PARTITION BY trajectory_id ORDER BY turn)
    QUALIFY count(*) OVER (PARTITION BY trajectory_id) = count(correct) OVER (PARTITION BY trajectory_id)
), votes AS (
    SELECT now.trajectory_id, now.turn, past.answer, count(*) AS votes, bool_or(past.correct) AS correct
    FROM decided now JOIN decided past ON past.trajectory_id = now.trajectory_id AND past.turn <= now.turn
    WHERE past.answer IS NOT NULL GROUP BY ALL
), voted AS (
    SELECT trajectory_id, turn, avg(correct::INTEGER) AS majority
    FROM (FROM votes QUALIFY votes = max(votes) OVER (PARTITION BY trajectory_id, turn)) GROUP BY ALL
), sized AS (
    SELECT d.*, coalesce(v.majority, 0) AS majority, c.text_change, c.same_text,
           max(d.turns) OVER (PARTITION BY d.recipe, d.replicate) AS most
    FROM decided d LEFT JOIN voted v USING (trajectory_id, turn)
    LEFT JOIN raw.redrafts c USING (trajectory_id, turn)
), carried AS (
    SELECT * REPLACE (NULL AS answer_before, NULL AS correct_before, NULL AS text_change, NULL AS same_text,
                      unnest(range(turns + 1, most + 1)) AS turn), false AS drafted
    FROM sized WHERE turn = turns
), everything AS (
    SELECT *, true AS drafted FROM sized UNION ALL BY NAME FROM carried
), spent AS (
    SELECT e.recipe, e.replicate, e.problem_id, e.turn, sum(p.tokens) AS tokens
    FROM (SELECT DISTINCT recipe, replicate, problem_id, turn, most FROM everything) e JOIN raw.paid p
        ON p.recipe = e.recipe AND p.replicate = e.replicate AND p.problem_id = e.problem_id
        AND (p.turn <= e.turn OR e.turn = e.most)
    GROUP BY ALL
), turned AS (
    SELECT recipe, replicate, strategy, feedback, model, turn, count(*) AS trajectories, count(*) FILTER (drafted) AS drafted,
           avg(correct::INTEGER) AS accuracy,
           count(*) FILTER (correct_before AND NOT correct) AS right_to_wrong,
           count(*) FILTER (NOT correct_before AND correct) AS wrong_to_right,
           count(*) FILTER (NOT correct_before AND NOT correct AND answer_before IS DISTINCT FROM answer)
               AS wrong_to_other_wrong,
           count(*) FILTER (NOT correct_before AND NOT correct AND answer_before IS NOT DISTINCT FROM answer)
               AS wrong_unchanged,
           count(*) FILTER (correct_before AND correct) AS right_unchanged,
           count(*) FILTER (answer IS NULL) AS no_answer, coalesce(any_value(u.undecided), 0) AS undecided,
           bool_or(oracle_used) AS oracle_used, count(*) FILTER (correct) AS correct,
           avg(majority) AS majority, avg(any_correct::INTEGER) AS any_turn, avg(tokens) AS tokens,
           avg(same_text::INTEGER) AS same_text, avg(text_change) AS text_change
    FROM everything LEFT JOIN spent USING (recipe, replicate, problem_id, turn)
    LEFT JOIN undecided u USING (recipe, replicate) LEFT JOIN raw.recipes USING (recipe)
    GROUP BY recipe, replicate, strategy, feedback, model, turn
)
SELECT * EXCLUDE (correct, majority, any_turn, tokens, same_text, text_change), correct,
       (correct - lag(correct) OVER turns) / trajectories AS change,
       (correct - first_value(correct) OVER turns) / trajectories AS change_from_first,
       CASE WHEN turn = 1 THEN 0 ELSE trajectories - right_to_wrong - wrong_to_right - wrong_to_other_wrong END AS unchanged,
       majority, any_turn, tokens, same_text, text_change
FROM turned WINDOW turns AS (PARTITION BY recipe, replicate ORDER BY turn) ORDER BY ALL;

COMMENT ON VIEW raw.outlived IS 'First drafts, written to their ends, of independent samples that failed in a later turn';
COMMENT ON VIEW raw.drafts IS 'The first and the last draft of each independent sample that neither failed nor was cut short, and the first draft of each that failed in a later turn';
COMMENT ON COLUMN trajectories.stop IS 'Why it ended: answered, critic, threshold (its grade is high enough), agreed (two drafts in turn gave one answer), budget, length, dead_end or failed';
COMMENT ON COLUMN trajectories.reason IS 'Why, in words, where there is more to say: which call failed, which limit was reached, what the critic said';
COMMENT ON COLUMN turns.stop IS 'Why the draft ended, as in trajectories.stop; only the last turn''s can be critic, threshold, agreed or failed';

COMMENT ON VIEW raw.recipes IS 'The strategy, model and feedback of each recipe, from its runs';
COMMENT ON COLUMN raw.recipes.feedback IS 'The feedback that the strategy works with; NULL where it takes none';

COMMENT ON VIEW pass_at_k IS 'The chance that k independent samples of a problem hold a right one: unbiased, 1 - C(n-c,k)/C(n,k) (Chen et al. 2021), averaged over problems';
COMMENT ON COLUMN pass_at_k.recipe IS 'The recipe';
COMMENT ON COLUMN pass_at_k.replicate IS 'The replicate';
COMMENT ON COLUMN pass_at_k.strategy IS 'The strategy of the recipe';
COMMENT ON COLUMN pass_at_k.feedback IS 'The feedback of the recipe; NULL where its strategy takes none';
COMMENT ON COLUMN pass_at_k.model IS 'The model of the recipe';
COMMENT ON COLUMN pass_at_k.draft IS 'first or last draft of each sample';
COMMENT ON COLUMN pass_at_k.k IS 'How many samples: the powers of two, and all there are';
COMMENT ON COLUMN pass_at_k.pass_at_k IS 'The chance, in [0, 1]';
COMMENT ON COLUMN pass_at_k.problems IS 'How many problems have k samples or more';
COMMENT ON COLUMN pass_at_k.samples IS 'How many samples they have; failed and undecided ones are left out, a first draft with a later turn that failed is not';
COMMENT ON COLUMN pass_at_k.undecided IS 'How many samples the oracle could not decide';
COMMENT ON COLUMN pass_at_k.oracle_used IS 'Whether the key was read while any of them was made or chosen';

COMMENT ON VIEW best_of_n IS 'Accuracy of the best of k samples by each grader: the exact expectation over all choices of k, ties averaged, averaged over problems';
COMMENT ON COLUMN best_of_n.recipe IS 'The recipe';
COMMENT ON COLUMN best_of_n.replicate IS 'The replicate';
COMMENT ON COLUMN best_of_n.strategy IS 'The strategy of the recipe';
COMMENT ON COLUMN best_of_n.feedback IS 'The feedback of the recipe; NULL where its strategy takes none';
COMMENT ON COLUMN best_of_n.model IS 'The model of the recipe';
COMMENT ON COLUMN best_of_n.draft IS 'first or last draft of each sample';
COMMENT ON COLUMN best_of_n.grader IS 'Whose scores choose';
COMMENT ON COLUMN best_of_n.grader_model IS 'The model that the grader asked';
COMMENT ON COLUMN best_of_n.k IS 'How many samples are chosen from: the powers of two, and all there are';
COMMENT ON COLUMN best_of_n.accuracy IS 'The chance that the chosen one is right, in [0, 1]; a sample without a score or an answer is chosen last and counts as wrong';
COMMENT ON COLUMN best_of_n.problems IS 'How many problems have k samples or more';
COMMENT ON COLUMN best_of_n.samples IS 'How many samples they have; failed and undecided ones are left out';
COMMENT ON COLUMN best_of_n.oracle_used IS 'Whether the key was read while any of them was made or chosen';

COMMENT ON VIEW raw.redrafts IS 'How far each redraft is from the draft before it';
COMMENT ON COLUMN raw.redrafts.same_text IS 'Whether it repeats the draft before it to the letter';
COMMENT ON COLUMN raw.redrafts.text_change IS 'Edit distance to the draft before it, as a share of the longer text in bytes: 0 is the same text, 1 another one; NULL beyond the first 200 redrafts of a turn';
COMMENT ON VIEW raw.paid IS 'Tokens of each turn, a sample of a problem, with those of the drafts that were discarded';
COMMENT ON COLUMN raw.paid.tokens IS 'Tokens written for this turn of the problem, divided by its samples';
COMMENT ON VIEW raw.written IS 'Tokens of each draft of each trajectory';
COMMENT ON COLUMN raw.written.tokens IS 'Tokens that the model wrote for this draft';

COMMENT ON VIEW text_changes IS 'How much redrafts change the text, as a histogram over the same 200 redrafts of each turn: where all stand at 0, the model has stopped correcting';
COMMENT ON COLUMN text_changes.recipe IS 'The recipe';
COMMENT ON COLUMN text_changes.replicate IS 'The replicate';
COMMENT ON COLUMN text_changes.strategy IS 'The strategy of the recipe';
COMMENT ON COLUMN text_changes.feedback IS 'The feedback of the recipe; NULL where its strategy takes none';
COMMENT ON COLUMN text_changes.model IS 'The model of the recipe';
COMMENT ON COLUMN text_changes.turn IS 'The turn of the redraft, from 2';
COMMENT ON COLUMN text_changes.above IS 'Edit distance to the draft before it, as a share of the longer text: more than this';
COMMENT ON COLUMN text_changes.up_to IS 'And at most this; 0 is the same text to the letter';
COMMENT ON COLUMN text_changes.redrafts IS 'Redrafts of this turn with such a distance';
COMMENT ON COLUMN text_changes.share IS 'Their share of those of this turn';

COMMENT ON VIEW corrections IS 'What each turn changed, over all independent samples; one that ended earlier keeps its answer. Answers are compared as they are stored';
COMMENT ON COLUMN corrections.recipe IS 'The recipe';
COMMENT ON COLUMN corrections.replicate IS 'The replicate';
COMMENT ON COLUMN corrections.strategy IS 'The strategy of the recipe';
COMMENT ON COLUMN corrections.feedback IS 'The feedback of the recipe; NULL where its strategy takes none';
COMMENT ON COLUMN corrections.model IS 'The model of the recipe';
COMMENT ON COLUMN corrections.turn IS 'The turn; 1 is the first draft';
COMMENT ON COLUMN corrections.trajectories IS 'How many trajectories, the same in every turn; failed and undecided ones are left out';
COMMENT ON COLUMN corrections.drafted IS 'How many have a draft in this turn';
COMMENT ON COLUMN corrections.accuracy IS 'Share of trajectories whose answer is right after this turn';
COMMENT ON COLUMN corrections.right_to_wrong IS 'Drafts that spoilt a right answer';
COMMENT ON COLUMN corrections.wrong_to_right IS 'Drafts that mended a wrong answer';
COMMENT ON COLUMN corrections.wrong_to_other_wrong IS 'Drafts with another wrong answer';
COMMENT ON COLUMN corrections.wrong_unchanged IS 'Drafts with the same wrong answer';
COMMENT ON COLUMN corrections.right_unchanged IS 'Drafts that kept a right answer';
COMMENT ON COLUMN corrections.no_answer IS 'Trajectories whose answer after this turn could not be read';
COMMENT ON COLUMN corrections.undecided IS 'Trajectories left out, since the oracle could not decide one of their drafts';
COMMENT ON COLUMN corrections.oracle_used IS 'Whether the key was read while any of them was made or chosen: such gains are not the model''s own';
COMMENT ON COLUMN corrections.correct IS 'How many trajectories are right after this turn: those of the turn before, plus wrong_to_right, minus right_to_wrong';
COMMENT ON COLUMN corrections.change IS 'accuracy minus that of the turn before; NULL in the first turn';
COMMENT ON COLUMN corrections.change_from_first IS 'accuracy minus that of the first turn';
COMMENT ON COLUMN corrections.unchanged IS 'Trajectories whose answer is neither better, worse nor another wrong one than a turn before, those without a draft in this turn included';
COMMENT ON COLUMN corrections.majority IS 'Share that is right when the drafts of a trajectory up to this turn vote, ties shared (m1@t)';
COMMENT ON COLUMN corrections.any_turn IS 'Share with a right draft in any turn so far (p1@t): an upper bound, since only an oracle could choose it';
COMMENT ON COLUMN corrections.tokens IS 'Tokens that the writer used up to this turn, a trajectory: its share of everything written for its problem, discarded drafts, rollouts and failed samples too; the last turn has all; what critics and graders wrote is in the view costs';
COMMENT ON COLUMN corrections.same_text IS 'Share of this turn''s drafts that repeat the one before to the letter';
COMMENT ON COLUMN corrections.text_change IS 'Mean edit distance to the draft before, as a share of the longer text, over at most 200 drafts of this turn';
