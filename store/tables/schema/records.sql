-- The number of a trajectory: a 64-bit hash of its id. Joins by numbers take a third of the time of joins by texts.
CREATE MACRO raw.path_id(trajectory_id) AS md5_number_lower(trajectory_id);
-- The position of a step in the tree is its id: "unit/0.3.1" is the second step below "unit/0.3".
CREATE MACRO raw.depth(step_id) AS length(step_id) - length(replace(step_id, '.', '')) + 1;
CREATE MACRO raw.step_above(step_id, steps) AS
    CASE WHEN steps = 0 THEN step_id
         ELSE array_to_string(list_slice(string_split(step_id, '.'), 1, raw.depth(step_id) - steps), '.') END;

-- The rows that analysts see: only published rows, and for each unit only its highest published attempt.
CREATE VIEW raw.published AS
SELECT unit_id, max(attempt) AS attempt, arg_max(commit_id, attempt) AS commit_id, arg_max(run_id, attempt) AS run_id,
       any_value(recipe) AS recipe, any_value(problem_id) AS problem_id, any_value(replicate) AS replicate,
       max(published_at) AS published_at, arg_max(status, attempt) AS status
FROM raw.commits GROUP BY unit_id;
COMMENT ON COLUMN raw.published.commit_id IS 'The number of that attempt''s commit';
COMMENT ON VIEW raw.published IS 'The highest published attempt at each unit of work, which is the one that is shown';
COMMENT ON COLUMN raw.published.published_at IS 'When the last attempt was published, UTC';
COMMENT ON COLUMN raw.published.status IS 'done, failed where some trajectory failed, or cut short by the run''s budget';

CREATE VIEW problems AS
SELECT DISTINCT ON (problem_id)
       problem_id, source, split, question, answer, level, subject, parent_id, augmentation, meta, kind, added_at
FROM raw.problems ORDER BY problem_id, added_at DESC;
COMMENT ON VIEW problems IS 'A question, with its key where it is known';
COMMENT ON COLUMN problems.problem_id IS 'The problem: a hash of its source and question, or source/id where the source gave ids';
COMMENT ON COLUMN problems.source IS 'Where it came from: the name of a file without its ending, or builtin';
COMMENT ON COLUMN problems.split IS 'train, test, heldout ...: never train on what you test on';
COMMENT ON COLUMN problems.question IS 'The text that a solver sees';
COMMENT ON COLUMN problems.answer IS 'The right answer; NULL where nobody knows it';
COMMENT ON COLUMN problems.level IS 'How hard it is said to be; 1 is easiest';
COMMENT ON COLUMN problems.subject IS 'What it is about';
COMMENT ON COLUMN problems.parent_id IS 'The problem that it was made from';
COMMENT ON COLUMN problems.augmentation IS 'How it was made from its parent';
COMMENT ON COLUMN problems.meta IS 'Whatever else its source says, such as a worked solution';
COMMENT ON COLUMN problems.kind IS 'How answers are compared: math, choice or text';
COMMENT ON COLUMN problems.added_at IS 'When it was added, UTC';

CREATE VIEW runs AS
WITH ended AS (
    SELECT run_id, max(happened_at) AS finished_at, arg_max(event, happened_at) AS status, arg_max(facts, happened_at) AS facts
    FROM raw.run_events WHERE event NOT IN ('started', 'summarised') GROUP BY run_id
)
SELECT s.run_id, s.stage, s.recipe, s.strategy, s.model, s.config, s.happened_at AS started_at, e.finished_at,
       CASE WHEN e.status IS NOT NULL THEN e.status
            WHEN lead(s.happened_at) OVER (PARTITION BY s.recipe ORDER BY s.happened_at) IS NOT NULL THEN 'interrupted'
            ELSE 'running' END AS status,
       s.version, e.facts
FROM raw.run_events s LEFT JOIN ended e USING (run_id) WHERE s.event = 'started';
COMMENT ON VIEW runs IS 'One execution of a stage';
COMMENT ON COLUMN runs.run_id IS 'The run; it sorts by time';
COMMENT ON COLUMN runs.stage IS 'generate, filter, export ...';
COMMENT ON COLUMN runs.recipe IS 'A hash of the stage, strategy, model, graders, arguments, prompts and seed, without the number of samples';
COMMENT ON COLUMN runs.strategy IS 'The strategy, a file in agents/';
COMMENT ON COLUMN runs.model IS 'The model that was asked';
COMMENT ON COLUMN runs.config IS 'All settings, as JSON';
COMMENT ON COLUMN runs.started_at IS 'When it began, UTC';
COMMENT ON COLUMN runs.finished_at IS 'When it ended, UTC; NULL while it runs or where it was killed';
COMMENT ON COLUMN runs.status IS 'running, finished, budget (it was used up), interrupted (or killed, as a later run of the recipe shows) or failed';
COMMENT ON COLUMN runs.version IS 'The version of redraft that ran';
COMMENT ON COLUMN runs.facts IS 'What the run said of itself when it ended, as JSON';

-- Recipes whose strategy uses feedback are also distinguished by their feedback.
CREATE VIEW raw.recipes AS
SELECT recipe, any_value(strategy) AS strategy, any_value(model) AS model, any_value(config ->> 'feedback') AS feedback
FROM raw.run_events WHERE event = 'started' GROUP BY recipe;
COMMENT ON VIEW raw.recipes IS 'The strategy, model and feedback of each recipe, from its runs';
COMMENT ON COLUMN raw.recipes.feedback IS 'The feedback that the strategy works with; NULL where it takes none';

CREATE VIEW steps AS
SELECT s.step_id, p.run_id, p.problem_id, s.parent_id, s.prefix_key, s.depth, s.turn, s."by", s.text, s.final, s.tokens,
       s.logprob, s.value, s.visits, s.call_id, p.unit_id
FROM raw.steps s JOIN raw.published p USING (commit_id);
COMMENT ON VIEW steps IS 'One occurrence of text that anybody wrote, abandoned branches too';
COMMENT ON COLUMN steps.step_id IS 'Its place in the tree: unit/sibling.sibling...';
COMMENT ON COLUMN steps.run_id IS 'The run that published it';
COMMENT ON COLUMN steps.problem_id IS 'The problem it works on';
COMMENT ON COLUMN steps.parent_id IS 'The step before it; NULL for a first step';
COMMENT ON COLUMN steps.prefix_key IS 'A hash of its text and all before it: equal texts have equal keys, and are still two samples';
COMMENT ON COLUMN steps.depth IS '1 for a first step';
COMMENT ON COLUMN steps.turn IS '1 for the first draft; feedback opens the turn that answers it';
COMMENT ON COLUMN steps."by" IS 'model, or the name of the feedback or person that wrote it';
COMMENT ON COLUMN steps.text IS 'The text, exactly';
COMMENT ON COLUMN steps.final IS 'Whether the solution ends with it';
COMMENT ON COLUMN steps.tokens IS 'Tokens that the model wrote';
COMMENT ON COLUMN steps.logprob IS 'Natural logarithm of its probability, summed over its tokens';
COMMENT ON COLUMN steps.value IS 'What a search thought that it was worth';
COMMENT ON COLUMN steps.visits IS 'How often a search went through it';
COMMENT ON COLUMN steps.call_id IS 'The call that it came from';
COMMENT ON COLUMN steps.unit_id IS 'The unit of work: a hash of recipe, problem and replicate';

-- Every draft with the oracle's last verdict, which is that of the draft's own commit unless a later one judged it
-- again.
CREATE VIEW raw.judged AS
WITH later AS (
    SELECT g.path_id, g.turn, arg_max(g.verdict, p.published_at) AS verdict, max(p.published_at) AS published_at
    FROM raw.grades g JOIN raw.published p USING (commit_id)
    WHERE g.elsewhere AND g.grader = 'oracle' AND g.step_id IS NULL GROUP BY ALL
)
SELECT t.*, p.unit_id, p.run_id, p.recipe, p.problem_id, p.replicate, p.status, p.published_at,
       CASE CASE WHEN t.verdict IS NULL OR l.published_at > p.published_at THEN l.verdict ELSE t.verdict END
           WHEN 'right' THEN true WHEN 'wrong' THEN false END AS correct
FROM raw.turns t JOIN raw.published p USING (commit_id) LEFT JOIN later l ON l.path_id = t.path_id AND l.turn = t.turn;
COMMENT ON VIEW raw.judged IS 'Every draft that is shown, with the facts about its trajectory and the last verdict of the oracle';

CREATE VIEW turns AS
SELECT trajectory_id, turn, leaf_step_id, answer, stop, feedback, text, correct, unit_id, tokens FROM raw.judged;
COMMENT ON COLUMN turns.tokens IS 'Tokens that the model wrote for the draft';
COMMENT ON VIEW turns IS 'One draft of a trajectory';
COMMENT ON COLUMN turns.trajectory_id IS 'The trajectory';
COMMENT ON COLUMN turns.turn IS '1 for the first draft';
COMMENT ON COLUMN turns.leaf_step_id IS 'The last step of the draft';
COMMENT ON COLUMN turns.answer IS 'The answer of the draft; NULL where none could be read';
COMMENT ON COLUMN turns.stop IS 'Why the draft ended, as in trajectories.stop; only the last turn''s can be critic, threshold, agreed or failed';
COMMENT ON COLUMN turns.feedback IS 'What somebody said that opened this turn; NULL for the first';
COMMENT ON COLUMN turns.text IS 'The draft, exactly';
COMMENT ON COLUMN turns.correct IS 'Whether the oracle found the answer right afterwards; NULL where it was not asked or could not tell';
COMMENT ON COLUMN turns.unit_id IS 'The unit of work';

CREATE VIEW trajectories AS
SELECT trajectory_id, run_id, problem_id, sample, role, end_step_id AS leaf_step_id, turns, text, answer, correct, score,
       chosen, ended AS stop, path_tokens AS tokens, oracle_used, reason, unit_id, recipe, replicate
FROM raw.judged WHERE turn = turns;
COMMENT ON VIEW trajectories IS 'A path from question to answer';
COMMENT ON COLUMN trajectories.trajectory_id IS 'The trajectory: unit:sample, or its last step in a search';
COMMENT ON COLUMN trajectories.run_id IS 'The run that published it';
COMMENT ON COLUMN trajectories.problem_id IS 'The problem it works on';
COMMENT ON COLUMN trajectories.sample IS 'Its number among the independent samples of its unit';
COMMENT ON COLUMN trajectories.role IS 'sample (drawn independently), search or rollout: pass@k and votes count samples only';
COMMENT ON COLUMN trajectories.leaf_step_id IS 'Its last step';
COMMENT ON COLUMN trajectories.turns IS 'How many drafts it has';
COMMENT ON COLUMN trajectories.text IS 'Its last draft, exactly';
COMMENT ON COLUMN trajectories.answer IS 'The answer of its last draft; NULL where none could be read';
COMMENT ON COLUMN trajectories.correct IS 'Whether the oracle found the last answer right afterwards; NULL where it was not asked or could not tell';
COMMENT ON COLUMN trajectories.score IS 'What the grader that chose among the trajectories gave it';
COMMENT ON COLUMN trajectories.chosen IS 'Whether it is what the strategy answers with';
COMMENT ON COLUMN trajectories.stop IS 'Why it ended: answered, critic, threshold (its grade is high enough), agreed (two drafts in turn gave one answer), budget, length, dead_end or failed';
COMMENT ON COLUMN trajectories.tokens IS 'Tokens of all its steps';
COMMENT ON COLUMN trajectories.oracle_used IS 'Whether the key was read while it was made or chosen';
COMMENT ON COLUMN trajectories.reason IS 'Why, in words, where there is more to say: which call failed, which limit was reached, what the critic said';
COMMENT ON COLUMN trajectories.unit_id IS 'The unit of work: a hash of recipe, problem and replicate';
COMMENT ON COLUMN trajectories.recipe IS 'The recipe of its run';
COMMENT ON COLUMN trajectories.replicate IS 'The replicate: the same recipe run anew';

CREATE VIEW samples AS
SELECT trajectory_id, run_id, problem_id, sample, role, leaf_step_id, turns, text, answer, correct, score, chosen, stop,
       tokens, oracle_used, reason, unit_id, recipe, replicate
FROM main.trajectories WHERE role <> 'rollout';
COMMENT ON VIEW samples IS 'A path from question to answer that a strategy drew: trajectories without the rollouts that only estimate values';
COMMENT ON COLUMN samples.trajectory_id IS 'The trajectory: unit:sample, or its last step in a search';
COMMENT ON COLUMN samples.run_id IS 'The run that published it';
COMMENT ON COLUMN samples.problem_id IS 'The problem it works on';
COMMENT ON COLUMN samples.sample IS 'Its number among the independent samples of its unit';
COMMENT ON COLUMN samples.role IS 'sample (drawn independently) or search: pass@k and votes count the former only';
COMMENT ON COLUMN samples.leaf_step_id IS 'Its last step';
COMMENT ON COLUMN samples.turns IS 'How many drafts it has';
COMMENT ON COLUMN samples.text IS 'Its last draft, exactly';
COMMENT ON COLUMN samples.answer IS 'The answer of its last draft; NULL where none could be read';
COMMENT ON COLUMN samples.correct IS 'Whether the oracle found the last answer right afterwards; NULL where it was not asked or could not tell';
COMMENT ON COLUMN samples.score IS 'What the grader that chose among the trajectories gave it';
COMMENT ON COLUMN samples.chosen IS 'Whether it is what the strategy answers with';
COMMENT ON COLUMN samples.stop IS 'Why it ended: answered, critic, threshold (its grade is high enough), agreed (two drafts in turn gave one answer), budget, length, dead_end or failed';
COMMENT ON COLUMN samples.tokens IS 'Tokens of all its steps';
COMMENT ON COLUMN samples.oracle_used IS 'Whether the key was read while it was made or chosen';
COMMENT ON COLUMN samples.reason IS 'Why, in words, where there is more to say: which call failed, which limit was reached, what the critic said';
COMMENT ON COLUMN samples.unit_id IS 'The unit of work: a hash of recipe, problem and replicate';
COMMENT ON COLUMN samples.recipe IS 'The recipe of its run';
COMMENT ON COLUMN samples.replicate IS 'The replicate: the same recipe run anew';

CREATE VIEW labels AS
WITH drafts AS (
    SELECT t.trajectory_id, t.turn, p.unit_id, p.run_id, p.problem_id, s.prefix_key
    FROM raw.turns t SEMI JOIN raw.labels l ON l.trajectory_id = t.trajectory_id AND l.turn = t.turn
    JOIN raw.published p USING (commit_id)
    JOIN raw.steps s ON s.commit_id = t.commit_id AND s.step_id = t.leaf_step_id
)
SELECT l.trajectory_id, l.turn, l.person, l.verdict, l.first_wrong_step, l.remark, l.key_shown,
       d.prefix_key IS NOT NULL AND row_number() OVER (
           PARTITION BY l.trajectory_id, l.turn, l.person, d.prefix_key IS NOT NULL
           ORDER BY l.labelled_at DESC, l.rowid DESC) = 1 AS current,
       l.draft_key, l.labelled_at, d.run_id, d.problem_id, d.unit_id
FROM raw.labels l LEFT JOIN drafts d
    ON d.trajectory_id = l.trajectory_id AND d.turn = l.turn AND d.prefix_key = l.draft_key;
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

CREATE VIEW raw.labelled_steps AS
SELECT l.*, s.step_id, row_number() OVER (PARTITION BY l.trajectory_id, l.turn, l.person ORDER BY s.depth) AS number
FROM main.labels l JOIN raw.published p USING (unit_id)
JOIN raw.turns t ON t.commit_id = p.commit_id AND t.trajectory_id = l.trajectory_id AND t.turn = l.turn
JOIN raw.steps s ON s.commit_id = p.commit_id AND s.turn = l.turn AND s."by" = 'model'
    AND (s.step_id = t.leaf_step_id OR starts_with(t.leaf_step_id, s.step_id || '.'))
WHERE l.current;
COMMENT ON VIEW raw.labelled_steps IS 'The labels that count, with each step of their drafts and its number';
COMMENT ON COLUMN raw.labelled_steps.number IS 'The step''s number in its draft, from 1';

-- People's labels, as judgements of drafts and of steps.
CREATE VIEW raw.people AS
SELECT run_id, trajectory_id, NULL::VARCHAR AS step_id, NULL::BIGINT AS number, turn, person, verdict,
       NULL::DOUBLE AS value, remark, unit_id, labelled_at
FROM main.labels WHERE current AND verdict <> 'skip'
UNION ALL
SELECT run_id, trajectory_id, step_id, number, turn, person,
       CASE WHEN number = first_wrong_step THEN 'wrong' ELSE 'right' END,
       CASE WHEN number = first_wrong_step THEN 0.0 ELSE 1.0 END, NULL, unit_id, labelled_at
FROM raw.labelled_steps WHERE verdict = 'right' OR (verdict = 'wrong' AND number <= first_wrong_step);
COMMENT ON VIEW raw.people IS 'What people''s labels say of drafts, and of single steps';

CREATE VIEW grades AS
SELECT p.run_id, g.trajectory_id, g.step_id, g.turn, g.grader, g.grader_model, g.verdict, g.value, NULL::DOUBLE AS p_good,
       NULL::DOUBLE AS p_neutral, NULL::DOUBLE AS p_bad, NULL::INTEGER AS n, NULL::DOUBLE AS lo, NULL::DOUBLE AS hi,
       g.reason, NULL::VARCHAR AS call_id, p.unit_id, p.published_at AS graded_at
FROM raw.grades g JOIN raw.published p USING (commit_id)
UNION ALL
SELECT p.run_id, s.trajectory_id, raw.step_above(s.last_step_id, len(s."values") - s.place), s.turn, s.grader,
       s.grader_model, NULL, s."values"[s.place], s.p_good[s.place], s.p_neutral[s.place], s.p_bad[s.place],
       s.n[s.place], s.lo[s.place], s.hi[s.place], s.reason, NULL, p.unit_id, p.published_at
FROM (SELECT *, unnest(range(1, len("values") + 1)) AS place FROM raw.step_grades) s
JOIN raw.published p USING (commit_id)
UNION ALL
SELECT run_id, trajectory_id, step_id, turn, 'human', person, verdict, value, NULL, NULL, NULL, NULL, NULL, NULL, remark,
       NULL, unit_id, labelled_at
FROM raw.people;
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

CREATE VIEW calls AS
SELECT c.call_id, p.run_id, p.problem_id, c.purpose, c.model, c.prompt_hash, c.params, c.prompt_tokens,
       c.completion_tokens, c.cached_tokens, c.reasoning_tokens, c.cost_usd, c.latency_ms, c.attempts, c.finish_reason,
       c.error, c.place, c.first_sample, c.n, c.response, p.unit_id, p.attempt, p.recipe, p.replicate,
       coalesce(c.answered_at, p.finished_at) AS answered_at, c.failed_tries
FROM raw.calls c JOIN raw.commits p USING (commit_id);
COMMENT ON VIEW calls IS 'One request to a model, of every attempt: all were paid';
COMMENT ON COLUMN calls.call_id IS 'The call';
COMMENT ON COLUMN calls.run_id IS 'The run that published it';
COMMENT ON COLUMN calls.problem_id IS 'The problem it was about';
COMMENT ON COLUMN calls.purpose IS 'propose, revise, critique, grade ...';
COMMENT ON COLUMN calls.model IS 'The model that was asked';
COMMENT ON COLUMN calls.prompt_hash IS 'A hash of the prompt';
COMMENT ON COLUMN calls.params IS 'Temperature, limits and whatever else was asked for, as JSON';
COMMENT ON COLUMN calls.prompt_tokens IS 'Tokens of the prompt';
COMMENT ON COLUMN calls.completion_tokens IS 'Tokens that the model wrote';
COMMENT ON COLUMN calls.cached_tokens IS 'Tokens of the prompt that the provider had cached';
COMMENT ON COLUMN calls.reasoning_tokens IS 'Tokens of thinking that is not in the answer';
COMMENT ON COLUMN calls.cost_usd IS 'US dollars; NULL where the price is not known';
COMMENT ON COLUMN calls.latency_ms IS 'Milliseconds from asking to the answer, of the last try';
COMMENT ON COLUMN calls.attempts IS 'How often it was sent until it was answered';
COMMENT ON COLUMN calls.finish_reason IS 'Why the model stopped writing';
COMMENT ON COLUMN calls.error IS 'Why there is no answer; NULL where there is one';
COMMENT ON COLUMN calls.place IS 'The step below which its samples hang';
COMMENT ON COLUMN calls.first_sample IS 'The number of its first sample among those asked for at that place';
COMMENT ON COLUMN calls.n IS 'How many samples were asked for';
COMMENT ON COLUMN calls.response IS 'Its samples, as JSON';
COMMENT ON COLUMN calls.unit_id IS 'The unit of work';
COMMENT ON COLUMN calls.attempt IS 'The attempt at the unit that published it, from 1';
COMMENT ON COLUMN calls.recipe IS 'The recipe of its run';
COMMENT ON COLUMN calls.replicate IS 'The replicate: the same recipe run anew';
COMMENT ON COLUMN calls.answered_at IS 'When it was answered, or given up, UTC; of calls that were kept without a time, when their unit of work had ended';
COMMENT ON COLUMN calls.failed_tries IS 'How many of its tries failed, by their kind, as JSON: the HTTP status ("HTTP 429"), timeout, broken connection, bad reply, empty reply, down (nobody listens) or another cause; NULL if none failed';

CREATE VIEW prompts AS
SELECT DISTINCT ON (r.prompt_hash)
       r.prompt_hash, r.prompt->'messages' AS messages, r.prompt->>'prefix' AS prefix, r.prompt->'schema' AS schema,
       r.prompt->>'chat_template' AS chat_template
FROM raw.prompts r JOIN raw.commits USING (commit_id) ORDER BY r.prompt_hash;
COMMENT ON VIEW prompts IS 'What was sent to a model, word for word: calls name it by its hash';
COMMENT ON COLUMN prompts.prompt_hash IS 'Hash of everything that the request showed to the model';
COMMENT ON COLUMN prompts.messages IS 'A JSON list of messages, each with its role and content';
COMMENT ON COLUMN prompts.prefix IS 'The half-written answer that the model was to go on from, or NULL';
COMMENT ON COLUMN prompts.schema IS 'The JSON schema that the answer was to follow, or NULL';
COMMENT ON COLUMN prompts.chat_template IS 'The chat template that made one text of it for raw completions, or NULL';

CREATE VIEW datasets AS SELECT dataset_id, format, filter, created_at, run_id FROM raw.datasets;
COMMENT ON VIEW datasets IS 'One export';
COMMENT ON COLUMN datasets.dataset_id IS 'The export; it sorts by time';
COMMENT ON COLUMN datasets.format IS 'The format of its rows, such as sft';
COMMENT ON COLUMN datasets.filter IS 'What was kept and what was dropped, as JSON';
COMMENT ON COLUMN datasets.created_at IS 'When, UTC';
COMMENT ON COLUMN datasets.run_id IS 'The run that made it';

CREATE VIEW dataset_rows AS SELECT dataset_id, "row", trajectory_id, step_id, dropped_because FROM raw.dataset_rows;
COMMENT ON VIEW dataset_rows IS 'Where each row of an export came from, or why a trajectory was dropped';
COMMENT ON COLUMN dataset_rows.dataset_id IS 'The export';
COMMENT ON COLUMN dataset_rows."row" IS 'Its number in the file, from 0; NULL where it was dropped';
COMMENT ON COLUMN dataset_rows.trajectory_id IS 'The trajectory that it was made of';
COMMENT ON COLUMN dataset_rows.step_id IS 'The step that it was made of, where it was one';
COMMENT ON COLUMN dataset_rows.dropped_because IS 'Why it was dropped; NULL where it was kept';

