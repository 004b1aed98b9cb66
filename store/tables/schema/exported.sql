-- The newest version of every problem, in no order: a view that sorts its rows sorts them in every question that joins it.
CREATE VIEW raw.newest_problems AS
SELECT problem_id, source, split, question, answer, level, subject, parent_id, augmentation, meta, kind, added_at
FROM raw.problems WHERE rowid IN (SELECT arg_max(rowid, added_at) FROM raw.problems GROUP BY problem_id);
COMMENT ON VIEW raw.newest_problems IS 'The newest version of every problem; read the view problems, which is in order';

-- The problems that exports have used, so that nobody has to read the rows of all exports to know them.
CREATE TABLE raw.exported (dataset_id VARCHAR, problem_id VARCHAR, question_key UBIGINT);
COMMENT ON TABLE raw.exported IS 'Each problem that an export has used, or that such a problem was made from, by the first export that has it';
COMMENT ON COLUMN raw.exported.dataset_id IS 'The export';
COMMENT ON COLUMN raw.exported.problem_id IS 'The problem; NULL in the last row of an export, which says that its problems are noted';
COMMENT ON COLUMN raw.exported.question_key IS 'A hash that questions share if they differ in case and spaces alone';
