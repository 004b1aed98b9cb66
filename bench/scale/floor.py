"""A single hand-written SQL statement that filters and exports like the default filters, except that it compares texts
instead of equations: `python bench/scale/floor.py STORE FILE`. `store.py` measures it in comparison with redraft's
commands."""

import sys

import duckdb

SQL = """
COPY (
    WITH right_drafts AS (
        SELECT p.problem_id, t.sample, t.text FROM raw.turns t JOIN raw.commits p USING (commit_id)
        WHERE t.verdict = 'right' AND t.ended NOT IN ('failed', 'length') AND t.path_tokens <= 1024
        QUALIFY row_number() OVER (PARTITION BY t.path_id ORDER BY t.turn DESC) = 1
    ), different AS (
        FROM right_drafts QUALIFY row_number() OVER (PARTITION BY problem_id, hash(lower(text)) ORDER BY sample) = 1
    ), capped AS (
        FROM different QUALIFY row_number() OVER (PARTITION BY problem_id ORDER BY sample) <= 4
    )
    SELECT q.question AS prompt, c.text AS completion FROM capped c JOIN raw.problems q USING (problem_id)
    WHERE q.split <> 'test' ORDER BY problem_id, sample
) TO $file (FORMAT json)
"""

if __name__ == "__main__":
    store, file = sys.argv[1:]
    duckdb.connect(store, read_only=True).execute(SQL.replace("$file", f"'{file}'"))
