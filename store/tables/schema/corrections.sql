-- The change of text from each draft to the next. Comparing two long texts takes milliseconds, so only a fixed sample
-- of 200 redrafts of each turn is compared; whether two texts are equal is known for every redraft.
CREATE VIEW raw.redrafts AS
WITH numbered AS (
    SELECT recipe, replicate, commit_id, path_id, trajectory_id, turn, same_text,
           row_number() OVER (PARTITION BY recipe, replicate, turn ORDER BY md5(trajectory_id)) AS place
    FROM raw.sampled WHERE turn > 1
), compared AS (
    SELECT n.path_id, n.turn, CASE WHEN n.same_text THEN 0.0
               ELSE levenshtein(now.text, past.text) / greatest(strlen(now.text), strlen(past.text)) END AS text_change
    FROM numbered n JOIN raw.turns now ON now.commit_id = n.commit_id AND now.path_id = n.path_id AND now.turn = n.turn
    JOIN raw.turns past ON past.commit_id = n.commit_id AND past.path_id = n.path_id AND past.turn = n.turn - 1
    WHERE n.place <= 200
)
SELECT n.recipe, n.replicate, n.path_id, n.trajectory_id, n.turn, n.same_text, c.text_change
FROM numbered n LEFT JOIN compared c ON c.path_id = n.path_id AND c.turn = n.turn;
COMMENT ON VIEW raw.redrafts IS 'How far each redraft is from the draft before it';
COMMENT ON COLUMN raw.redrafts.same_text IS 'Whether it repeats the draft before it to the letter';
COMMENT ON COLUMN raw.redrafts.text_change IS 'Edit distance to the draft before it, as a share of the longer text in bytes: 0 is the same text, 1 another one; NULL beyond the first 200 redrafts of a turn';

CREATE VIEW text_changes AS
WITH binned AS (
    SELECT recipe, replicate, turn, ceil(round(text_change * 10, 9))::INTEGER AS bin
    FROM raw.redrafts WHERE text_change IS NOT NULL
)
SELECT recipe, replicate, strategy, feedback, model, turn, greatest(bin - 1, 0) / 10 AS above, bin / 10 AS up_to, count(*) AS redrafts,
       count(*) / sum(count(*)) OVER (PARTITION BY recipe, replicate, turn) AS share
FROM binned LEFT JOIN raw.recipes USING (recipe)
GROUP BY recipe, replicate, strategy, feedback, model, turn, bin ORDER BY ALL;
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

-- The tokens that the model wrote in each turn for one sample: all tokens for the problem, including discarded drafts,
-- with each step counted once, divided by the number of the problem's samples, including failed ones. Rollouts from a
-- draft count for the turn after it.
CREATE VIEW raw.paid AS
WITH drawn AS (
    SELECT commit_id, count(*) AS samples FROM raw.turns WHERE role = 'sample' AND turn = turns GROUP BY commit_id
), rollouts AS (
    SELECT DISTINCT p.commit_id, c.call_id
    FROM raw.calls c JOIN raw.commits USING (commit_id) JOIN raw.published p USING (unit_id) WHERE c.purpose = 'rollout'
), written AS (
    SELECT commit_id, turn, sum(tokens) AS tokens FROM raw.steps
    ANTI JOIN (SELECT DISTINCT commit_id FROM rollouts) r USING (commit_id) GROUP BY ALL
    UNION ALL
    SELECT s.commit_id, s.turn + (c.call_id IS NOT NULL)::INTEGER AS turn, sum(s.tokens) AS tokens
    FROM raw.steps s SEMI JOIN rollouts r ON r.commit_id = s.commit_id
    LEFT JOIN rollouts c ON c.commit_id = s.commit_id AND c.call_id = s.call_id GROUP BY ALL
)
SELECT commit_id, turn, tokens / samples AS tokens
FROM written JOIN drawn USING (commit_id) SEMI JOIN raw.published USING (commit_id);
COMMENT ON VIEW raw.paid IS 'Tokens of each turn, a sample of a problem, with those of the drafts that were discarded';
COMMENT ON COLUMN raw.paid.tokens IS 'Tokens written for this turn of the problem, divided by its samples';

-- A trajectory that ended earlier keeps its last answer, so that every turn is measured over the same trajectories. So
-- the number of right answers changes from turn to turn by exactly wrong_to_right minus right_to_wrong.
CREATE VIEW corrections AS
WITH undecided AS (
    SELECT recipe, replicate, count(DISTINCT path_id) AS undecided FROM raw.sampled WHERE correct IS NULL GROUP BY ALL
), redrafted AS (
    SELECT recipe, replicate, commit_id, path_id, turns, turn, answer, correct, oracle_used,
           lag(answer) OVER path AS answer_before, lag(correct) OVER path AS correct_before,
           bool_or(correct) OVER path AS any_correct
    FROM raw.sampled WHERE turns > 1
    WINDOW path AS (PARTITION BY path_id ORDER BY turn)
    QUALIFY count(*) OVER (PARTITION BY path_id) = count(correct) OVER (PARTITION BY path_id)
), votes AS (
    SELECT now.path_id, now.turn, past.answer, count(*) AS votes, bool_or(past.correct) AS correct
    FROM redrafted now JOIN redrafted past ON past.path_id = now.path_id AND past.turn <= now.turn
    WHERE past.answer IS NOT NULL GROUP BY ALL
), voted AS (
    SELECT path_id, turn, avg(correct::INTEGER) AS majority
    FROM (FROM votes QUALIFY votes = max(votes) OVER (PARTITION BY path_id, turn)) GROUP BY ALL
), decided AS (
    SELECT d.*, coalesce(v.majority, 0) AS majority, c.text_change, c.same_text
    FROM redrafted d LEFT JOIN voted v ON v.path_id = d.path_id AND v.turn = d.turn
    LEFT JOIN raw.redrafts c ON c.path_id = d.path_id AND c.turn = d.turn
    UNION ALL  -- the other drafts have no previous draft and no other votes
    SELECT recipe, replicate, commit_id, path_id, turns, turn, answer, correct, oracle_used, NULL, NULL, correct,
           correct::INTEGER, NULL, NULL
    FROM raw.sampled WHERE turns = 1 AND correct IS NOT NULL
), most AS (
    SELECT recipe, replicate, max(turns) AS most FROM decided GROUP BY ALL
), sized AS (
    SELECT d.*, m.most FROM decided d JOIN most m USING (recipe, replicate)
), carried AS (
    SELECT * REPLACE (NULL AS answer_before, NULL AS correct_before, NULL AS text_change, NULL AS same_text,
                      unnest(range(turns + 1, most + 1)) AS turn), false AS drafted
    FROM sized WHERE turn = turns
), everything AS (
    SELECT *, true AS drafted FROM sized UNION ALL BY NAME FROM carried
), spent AS (
    SELECT e.commit_id, e.turn, e.weight, sum(p.tokens) AS tokens
    FROM (SELECT commit_id, turn, most, count(*) AS weight FROM everything GROUP BY ALL) e JOIN raw.paid p
        ON p.commit_id = e.commit_id AND (p.turn <= e.turn OR e.turn = e.most)
    GROUP BY ALL
), costs AS (
    SELECT recipe, replicate, turn, sum(tokens * weight) / sum(weight) AS tokens
    FROM spent JOIN raw.published USING (commit_id) GROUP BY ALL
), turned AS (
    SELECT recipe, replicate, turn, count(*) AS trajectories, count(*) FILTER (drafted) AS drafted,
           avg(correct::INTEGER) AS accuracy,
           count(*) FILTER (correct_before AND NOT correct) AS right_to_wrong,
           count(*) FILTER (NOT correct_before AND correct) AS wrong_to_right,
           count(*) FILTER (NOT correct_before AND NOT correct AND answer_before IS DISTINCT FROM answer)
               AS wrong_to_other_wrong,
           count(*) FILTER (NOT correct_before AND NOT correct AND answer_before IS NOT DISTINCT FROM answer)
               AS wrong_unchanged,
           count(*) FILTER (correct_before AND correct) AS right_unchanged,
           count(*) FILTER (answer IS NULL) AS no_answer, bool_or(oracle_used) AS oracle_used,
           count(*) FILTER (correct) AS correct, avg(majority) AS majority, avg(any_correct::INTEGER) AS any_turn,
           avg(same_text::INTEGER) AS same_text, avg(text_change) AS text_change
    FROM everything GROUP BY recipe, replicate, turn
)
SELECT recipe, replicate, strategy, feedback, model, turn, trajectories, drafted, accuracy, right_to_wrong, wrong_to_right,
       wrong_to_other_wrong, wrong_unchanged, right_unchanged, no_answer, coalesce(undecided, 0) AS undecided, oracle_used,
       correct, (correct - lag(correct) OVER turns) / trajectories AS change,
       (correct - first_value(correct) OVER turns) / trajectories AS change_from_first,
       CASE WHEN turn = 1 THEN 0 ELSE trajectories - right_to_wrong - wrong_to_right - wrong_to_other_wrong END AS unchanged,
       majority, any_turn, tokens, same_text, text_change
FROM turned LEFT JOIN undecided USING (recipe, replicate) LEFT JOIN costs USING (recipe, replicate, turn)
LEFT JOIN raw.recipes USING (recipe)
WINDOW turns AS (PARTITION BY recipe, replicate ORDER BY turn) ORDER BY ALL;
COMMENT ON VIEW corrections IS 'What each turn changed, over all independent samples; one that ended earlier keeps its answer. Answers are compared as they are stored';
COMMENT ON COLUMN corrections.recipe IS 'The recipe';
COMMENT ON COLUMN corrections.replicate IS 'The replicate';
COMMENT ON COLUMN corrections.strategy IS 'The strategy of the recipe';
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
COMMENT ON COLUMN corrections.feedback IS 'The feedback of the recipe; NULL where its strategy takes none';
COMMENT ON COLUMN corrections.correct IS 'How many trajectories are right after this turn: those of the turn before, plus wrong_to_right, minus right_to_wrong';
COMMENT ON COLUMN corrections.change IS 'accuracy minus that of the turn before; NULL in the first turn';
COMMENT ON COLUMN corrections.change_from_first IS 'accuracy minus that of the first turn';
COMMENT ON COLUMN corrections.unchanged IS 'Trajectories whose answer is neither better, worse nor another wrong one than a turn before, those without a draft in this turn included';
COMMENT ON COLUMN corrections.majority IS 'Share that is right when the drafts of a trajectory up to this turn vote, ties shared (m1@t)';
COMMENT ON COLUMN corrections.any_turn IS 'Share with a right draft in any turn so far (p1@t): an upper bound, since only an oracle could choose it';
COMMENT ON COLUMN corrections.tokens IS 'Tokens that the writer used up to this turn, a trajectory: its share of everything written for its problem, discarded drafts, rollouts and failed samples too; the last turn has all; what critics and graders wrote is in the view costs';
COMMENT ON COLUMN corrections.same_text IS 'Share of this turn''s drafts that repeat the one before to the letter';
COMMENT ON COLUMN corrections.text_change IS 'Mean edit distance to the draft before, as a share of the longer text, over at most 200 drafts of this turn';

