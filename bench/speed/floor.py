"""One hand-written statement that filters and exports as the defaults do, by the text where redraft compares equations:
`python bench/speed/floor.py STORE FILE`. `store.py` measures it beside redraft's commands."""

import sys

import duckdb

SQL = """
COPY (
    WITH verdicts AS (
        SELECT trajectory_id, turn, arg_max(verdict, attempt) AS verdict FROM raw.grades
        WHERE grader = 'oracle' AND step_id IS NULL GROUP BY ALL
    ), right_drafts AS (
        SELECT p.problem_id, t.trajectory_id, t.sample, d.text FROM raw.trajectories t
        JOIN raw.commits p USING (unit_id, attempt) JOIN raw.turns d USING (unit_id, attempt, trajectory_id)
        JOIN verdicts v ON v.trajectory_id = t.trajectory_id AND v.turn = d.turn
        WHERE v.verdict = 'right' AND t.stop NOT IN ('failed', 'length') AND t.tokens <= 1024
        QUALIFY row_number() OVER (PARTITION BY t.trajectory_id ORDER BY d.turn DESC) = 1
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
