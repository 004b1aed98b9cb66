"""A problem: every trajectory with its answer, its votes, its steps and its grades, and the calls that produced
them."""

from collections import Counter
from typing import Any

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.pages.parts.drafts import graders_of_units, read_drafts
from redraft.flows.viewer.pages.parts.validation import check_runs, check_value
from redraft.flows.viewer.store_reader import Reader, Row, by, problem_rows
from redraft.store.tables.sql import literal

PER_PAGE = 24  # trajectories on a page
MOST_ANSWERS = 12  # maximum number of answers with their own row
ROLES = ("sample", "search", "rollout")


def read(reader: Reader, asked: Address) -> dict[str, Any]:
    """Returns the problem `id`. `run` (one or more) and `role` restrict its trajectories; `start` is the number of the
    first one on the page. `grader` selects the values that colour the steps. Raises NotThere."""
    problem = reader.row(PROBLEM.format(id=literal(asked.get("id"))))
    if problem is None:
        raise NotThere(f"no problem {asked.get('id')!r} in {reader.store.path}")
    check_runs(reader, asked)
    check_value(asked, "role", ROLES)
    units = reader.rows(UNITS.format(id=literal(problem["problem_id"])))
    runs = asked.all("run")
    shown = [unit for unit in units if not runs or unit["run_id"] in runs]
    commits = [unit["commit_id"] for unit in shown]
    paths = reader.rows(PATHS.format(commits=", ".join(map(str, commits)) or "NULL"))
    roles = Counter(path["role"] for path in paths)
    role = asked.get("role")
    usual = [path for path in paths if path["role"] != "rollout"] or paths
    listed = [path for path in paths if path["role"] == role] if role else usual
    start = asked.whole("start")
    page = listed[start : start + PER_PAGE]
    drafts = read_drafts(reader, page)
    for path in page:
        path["drafts"] = drafts.get(path["path_id"], [])
    searched = {row["unit_id"] for row in reader.rows(SEARCHED.format(commits=", ".join(map(str, commits)) or "NULL"))}
    return {
        "title": "Problem",
        "problem": problem,
        "units": [unit | {"searched": unit["unit_id"] in searched} for unit in shown],
        "all_units": units,
        "by_unit": by(page, "unit_id"),
        "votes": _votes(usual),
        "drawn": len(usual),
        "roles": roles,
        "role": role,
        "start": start,
        "listed": len(listed),
        "before": asked.but(start=max(0, start - PER_PAGE)) if start else None,
        "following": asked.but(start=start + PER_PAGE) if start + PER_PAGE < len(listed) else None,
        "graders": graders_of_units(reader, [unit["commit_id"] for unit in units]),
        "grader": asked.get("grader"),
        "neighbours": reader.row(NEIGHBOURS.format(id=literal(problem["problem_id"]))) or {},
    }


def _votes(paths: list[Row]) -> list[dict[str, Any]]:
    """Returns each answer with its number of votes, and whether it is right. All right answers count as one answer. The
    last two rows count the votes for answers after the first MOST_ANSWERS (`others` is their number) and the
    trajectories without an answer. The sum of all votes is the number of trajectories."""
    answered = [path for path in paths if path["answer"] is not None]
    right = next((path["answer"] for path in answered if path["correct"]), None)
    counted: Counter[tuple[str, bool | None]] = Counter(
        (right if path["correct"] and right is not None else path["answer"], path["correct"]) for path in answered
    )
    rows: list[dict[str, Any]] = [
        {"answer": answer, "correct": correct, "votes": votes, "others": 0}
        for (answer, correct), votes in counted.most_common()
    ]
    rows, rest = rows[:MOST_ANSWERS], rows[MOST_ANSWERS:]
    for others, votes in ((len(rest), sum(row["votes"] for row in rest)), (0, len(paths) - len(answered))):
        if votes:
            rows.append({"answer": None, "correct": None, "votes": votes, "others": others})
    most = max((row["votes"] for row in rows), default=1)
    return [row | {"share": row["votes"] / most} for row in rows]


PROBLEM = f"SELECT * EXCLUDE (meta), meta::VARCHAR AS meta FROM {problem_rows('{id}')} p"

UNITS = """
WITH units AS (
    SELECT unit_id, arg_max(commit_id, attempt) AS commit_id, arg_max(run_id, attempt) AS run_id,
           any_value(recipe) AS recipe, any_value(replicate) AS replicate, arg_max(status, attempt) AS status,
           max(published_at) AS published_at
    FROM raw.commits WHERE problem_id = {id} GROUP BY unit_id
)
SELECT u.*, r.strategy, r.model, r.config->>'feedback' AS feedback, r.config->>'grader' AS grader,
       (SELECT count(*) FROM raw.calls c WHERE c.commit_id = u.commit_id) AS calls
FROM units u LEFT JOIN runs r USING (run_id)
WHERE EXISTS (FROM raw.turns t WHERE t.commit_id = u.commit_id) ORDER BY r.started_at DESC, u.unit_id"""

PATHS = """
SELECT path_id, trajectory_id, commit_id, unit_id, run_id, sample, role, chosen, oracle_used, score, ended AS stop,
       turns, answer, correct, path_tokens AS tokens, reason
FROM raw.judged WHERE commit_id IN ({commits}) AND turn = turns
ORDER BY run_id DESC, unit_id, chosen DESC, role, correct DESC NULLS LAST, sample, trajectory_id"""

SEARCHED = """
SELECT DISTINCT unit_id FROM raw.steps JOIN raw.commits USING (commit_id)
WHERE commit_id IN ({commits}) AND (value IS NOT NULL OR visits IS NOT NULL)"""

NEIGHBOURS = """
SELECT (SELECT max(problem_id) FROM raw.problems WHERE problem_id < {id}) AS before,
       (SELECT min(problem_id) FROM raw.problems WHERE problem_id > {id}) AS following"""
