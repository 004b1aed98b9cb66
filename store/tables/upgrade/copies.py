"""Copies the tables of the schemas 1 to 11 to those of the newest schema, in parts of limited size.

Rows are only added to the old tables, in the order of publication. A part is a range of row numbers. The table
raw.copied records, for each old table, the row at which the next part begins.
"""

from collections.abc import Callable, Iterator
from functools import partial

import duckdb

from redraft.store.tables.rows.turn_rows import draft_facts
from redraft.store.tables.schema.migrations import SCHEMA
from redraft.store.tables.sql import insert

PART = 1_000_000  # rows; each commit rewrites the list of all row groups
TURNS_PART = 50_000  # rows with texts, which Python reads
ROW_NUMBERS = "CREATE TABLE IF NOT EXISTS raw.copied (name VARCHAR, until BIGINT)"
NUMBERS = """
    CREATE OR REPLACE TEMP TABLE numbers AS
    SELECT unit_id, attempt, row_number() OVER (ORDER BY published_at, rowid) AS commit_id
    FROM redraft_before.raw.commits"""
PLAIN = ("problems", "run_events", "labels", "datasets", "dataset_rows")
NUMBERED = ("commits", "steps", "calls", "prompts")
MISSING = ("prompts", "labels")
"""Tables that the first schemas lacked. Calls in those schemas had neither a time nor failed tries."""


def is_stale(connection: duckdb.DuckDBPyConnection, before: str) -> bool:
    """Returns whether a copy was completed but did not replace the store, and the store has more commits since."""
    sql = "SELECT (SELECT count(*) FROM raw.migrations), (SELECT count(*) FROM raw.commits)"
    [(migrations, commits)] = connection.execute(sql).fetchall()
    [(rows,)] = connection.execute(f"SELECT count(*) FROM {before}.raw.commits").fetchall()
    return migrations > len(SCHEMA) and commits != rows


def copies(connection: duckdb.DuckDBPyConnection, before: str) -> Iterator[Callable[[], None]]:
    """Yields functions that do the remaining work when they are called in order. `before` is the quoted name of the old
    store; the connection uses the new one."""
    [(migrations,)] = connection.execute("SELECT count(*) FROM raw.migrations").fetchall()
    if migrations > len(SCHEMA):  # the copy is complete, but the process was killed before it replaced the store
        return
    connection.execute(ROW_NUMBERS)
    connection.execute(NUMBERS.replace(BEFORE, before))
    for table in (*PLAIN, *NUMBERED, "grades", "turns"):
        if table in MISSING and not _has(connection, before, table):
            continue
        [(total,)] = connection.execute(f"SELECT coalesce(max(rowid) + 1, 0) FROM {before}.raw.{table}").fetchall()
        [(start,)] = connection.execute(
            f"SELECT coalesce(max(until), 0) FROM raw.copied WHERE name = '{table}'"
        ).fetchall()
        while start < total:
            end = _end(connection, before, table, start, total)
            yield partial(_copy, connection, before, table, start, end)
            start = end
    yield partial(_finish, connection, before)


def _has(connection: duckdb.DuckDBPyConnection, before: str, table: str) -> bool:
    tables = connection.execute(f"SELECT name FROM (SHOW TABLES FROM {before}.raw)").fetchall()
    return (table,) in tables


def _end(connection: duckdb.DuckDBPyConnection, before: str, table: str, start: int, total: int) -> int:
    """Returns the row number at which a part ends. A part of grades ends before a grade of a whole draft, because the
    values of the draft's steps follow that grade."""
    if table != "grades":
        return min(start + (TURNS_PART if table == "turns" else PART), total)
    [(end,)] = connection.execute(
        f"SELECT min(rowid) FROM {before}.raw.grades WHERE rowid >= {start + PART} AND step_id IS NULL"
    ).fetchall()
    return total if end is None else end


def _copy(connection: duckdb.DuckDBPyConnection, before: str, table: str, start: int, end: int) -> None:
    rows = {"start": start, "end": end}
    connection.execute("BEGIN")
    if table in PLAIN:
        connection.execute(
            f"INSERT INTO raw.{table} FROM {before}.raw.{table} WHERE rowid >= {start} AND rowid < {end}"
        )
    elif table in NUMBERED:
        own = "c.*" if table == "commits" else "c.* EXCLUDE (unit_id, attempt)"
        connection.execute(
            f"INSERT INTO raw.{table} BY NAME SELECT n.commit_id, {own} FROM {before}.raw.{table} c"
            f" JOIN numbers n USING (unit_id, attempt) WHERE c.rowid >= {start} AND c.rowid < {end}"
        )
    elif table == "grades":
        for sql in (GRADES, STEP_GRADES):
            connection.execute(sql.format(**rows, runs=RUNS.format(**rows)).replace(BEFORE, before))
    else:
        found = connection.execute(TURNS.format(**rows).replace(BEFORE, before)).fetchall()
        insert(connection, "raw.turns", ((*row, *draft_facts(row[TEXT], row[ANSWER])) for row in found))
    connection.execute(f"INSERT INTO raw.copied VALUES ('{table}', {end})")
    connection.execute("COMMIT")


def _finish(connection: duckdb.DuckDBPyConnection, before: str) -> None:
    connection.execute("BEGIN")
    connection.execute(f"INSERT INTO raw.migrations FROM {before}.raw.migrations")
    connection.execute("DROP TABLE raw.copied")
    connection.execute("COMMIT")


BEFORE = "redraft_before"
"""A placeholder for the name of the old store in the statements."""

RUNS = """
    rows AS (
        SELECT rowid AS place, *, raw.depth(step_id) AS depth, lag(step_id) OVER () AS step_before,
               lag((trajectory_id, turn, grader, grader_model, reason)) OVER () AS told_before,
               max(CASE WHEN step_id IS NULL THEN rowid END) OVER (ROWS UNBOUNDED PRECEDING) AS draft_row
        FROM redraft_before.raw.grades WHERE rowid >= {start} AND rowid < {end}
    ), listed AS (
        SELECT *, coalesce(step_id IS NOT NULL AND verdict IS NULL
            AND told_before IS NOT DISTINCT FROM (trajectory_id, turn, grader, grader_model, reason)
            AND (step_before IS NOT NULL OR draft_row = place - 1), false) AS listed
        FROM rows
    ), runs AS (
        SELECT *, listed AND coalesce(
            starts_with(step_id, step_before || '.') AND depth = raw.depth(step_before) + 1, false) AS follows
        FROM listed
    )"""
"""The grades of a part in order. `listed` says whether a grade is one of the step values after a draft's grade, and
`follows` whether its step is a child of the step in the previous row."""

GRADES = """
INSERT INTO raw.grades
WITH {runs}, firsts AS (  -- of the drafts whose steps were judged one by one
    SELECT g.place, min(s.depth) AS depth
    FROM runs g JOIN redraft_before.raw.steps s
        ON s.unit_id = split_part(g.step_id, '/', 1) AND s.turn = g.turn AND s."by" = 'model'
        AND (s.step_id = g.step_id OR starts_with(g.step_id, s.step_id || '.'))
    WHERE g.step_id IS NOT NULL AND NOT g.listed GROUP BY g.place
)
SELECT n.commit_id, raw.path_id(g.trajectory_id), g.trajectory_id, g.turn, g.step_id, g.depth, g.depth - f.depth + 1,
       g.grader, g.grader_model, g.verdict, g.value, g.reason, t.trajectory_id IS NULL
FROM runs g JOIN numbers n USING (unit_id, attempt) LEFT JOIN firsts f ON f.place = g.place
LEFT JOIN redraft_before.raw.trajectories t
    ON t.unit_id = g.unit_id AND t.attempt = g.attempt AND t.trajectory_id = g.trajectory_id
WHERE NOT g.listed ORDER BY g.place"""

STEP_GRADES = """
INSERT INTO raw.step_grades
WITH {runs}, numbered AS (
    SELECT *, count_if(NOT follows) OVER (ROWS UNBOUNDED PRECEDING) AS run FROM runs
)
SELECT any_value(n.commit_id), raw.path_id(any_value(trajectory_id)), any_value(trajectory_id), any_value(turn),
       arg_max(step_id, place), max(depth), min(place - draft_row), any_value(grader), any_value(grader_model),
       any_value(reason), list(value ORDER BY place), {lists}
FROM numbered JOIN numbers n USING (unit_id, attempt) WHERE listed GROUP BY run ORDER BY min(place)""".replace(
    "{lists}",
    ", ".join(
        f"CASE WHEN count({name}) > 0 THEN list({name} ORDER BY place) END"
        for name in ("p_good", "p_neutral", "p_bad", "n", "lo", "hi")
    )
    .replace("(n)", "(numbered.n)")
    .replace("(n ", "(numbered.n "),
)

TURNS = """
WITH drafts AS (
    SELECT n.commit_id, raw.path_id(d.trajectory_id) AS path_id, d.rowid AS place, d.*
    FROM redraft_before.raw.turns d JOIN numbers n USING (unit_id, attempt) WHERE d.rowid >= {start} AND d.rowid < {end}
), here AS (
    SELECT DISTINCT commit_id FROM drafts
), written AS (
    SELECT s.*, split_part(s.step_id, '.', 1) AS root FROM raw.steps s SEMI JOIN here USING (commit_id)
), sizes AS (
    SELECT d.place, count_if(s."by" = 'model') AS steps, sum(s.tokens) FILTER (s."by" = 'model')::INTEGER AS tokens,
           sum(s.tokens)::INTEGER AS turn_tokens, bool_or(s."by" = 'review' AND s.step_id <> d.leaf_step_id) AS reviewed
    FROM drafts d JOIN written s ON s.commit_id = d.commit_id AND s.turn = d.turn
        AND s.root = split_part(d.leaf_step_id, '.', 1) AND starts_with(d.leaf_step_id || '.', s.step_id || '.')
    GROUP BY ALL
), verdicts AS (
    SELECT commit_id, path_id, turn, first(verdict ORDER BY g.rowid) AS verdict
    FROM raw.grades g SEMI JOIN here USING (commit_id) WHERE grader = 'oracle' AND step_id IS NULL GROUP BY ALL
), befores AS (
    SELECT b.unit_id, b.attempt, b.trajectory_id, b.turn + 1 AS turn, b.text
    FROM redraft_before.raw.turns b SEMI JOIN (FROM drafts WHERE turn > 1) d USING (unit_id, attempt, trajectory_id)
)
SELECT d.commit_id, d.path_id, d.trajectory_id, d.turn, t.turns, t.sample, t.role, t.chosen, t.oracle_used, t.score,
       t.stop, t.leaf_step_id, t.tokens, t.reason, d.leaf_step_id, d.text,
       CASE WHEN d.turn = t.turns THEN t.answer ELSE d.answer END, d.stop, d.feedback, v.verdict,
       coalesce(s.steps, 0), CASE WHEN s.place IS NULL AND d.leaf_step_id IS NULL THEN 0 ELSE coalesce(s.tokens, 0) END,
       s.turn_tokens, coalesce(s.reviewed, false), d.text = b.text
FROM drafts d JOIN redraft_before.raw.trajectories t USING (unit_id, attempt, trajectory_id)
LEFT JOIN sizes s ON s.place = d.place
LEFT JOIN verdicts v ON v.commit_id = d.commit_id AND v.path_id = d.path_id AND v.turn = d.turn
LEFT JOIN befores b ON b.unit_id = d.unit_id AND b.attempt = d.attempt AND b.trajectory_id = d.trajectory_id
    AND b.turn = d.turn
ORDER BY d.place"""
TEXT, ANSWER = 15, 16
"""The indices of a draft's text and answer in a row of TURNS."""
