"""Runs side by side, paired by problem. Problems on which the runs' picks differ come first."""

from typing import Any

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.store_reader import Reader, Row
from redraft.graders.statistics import paired_bootstrap, sign_flip, wilson
from redraft.store.tables.sql import literal

PER_PAGE = 50
MOST = 6  # maximum number of runs side by side


def read(reader: Reader, asked: Address) -> dict[str, Any]:
    """Returns the problems that all runs `run` solved, beginning with number `start`. Raises NotThere."""
    chosen = asked.all("run")
    runs = {run["run_id"]: run for run in reader.rows(RUNS)}
    for name in chosen:
        if name not in runs:
            raise NotThere(f"no run {name!r} with trajectories in {reader.store.path}")
    if len(chosen) < 2 or len(chosen) > MOST or len(set(chosen)) < len(chosen):
        note = f"Choose two to {MOST} different runs." if chosen else ""
        return {"title": "Compare", "runs": list(runs.values()), "chosen": [], "note": note}
    start = asked.whole("start")
    sql = _pairs(chosen)
    page = reader.rows(PAGE.format(pairs=sql, start=start, most=PER_PAGE + 1))
    columns = [reader.rows(COLUMN.format(pairs=sql, number=number))[0]["picks"] or [] for number in range(len(chosen))]
    return {
        "title": "Compare",
        "runs": list(runs.values()),
        "chosen": [runs[name] | _facts(picks) for name, picks in zip(chosen, columns, strict=True)],
        "differences": [_difference(runs[chosen[0]], runs[name], columns[0], picks)
                        for name, picks in zip(chosen[1:], columns[1:], strict=True)],
        "problems": page[:PER_PAGE],
        "start": start,
        "before": asked.but(start=max(0, start - PER_PAGE) or None) if start else None,
        "following": asked.but(start=start + PER_PAGE) if len(page) > PER_PAGE else None,
        "note": "",
    }  # fmt: skip


def _facts(picks: list[bool]) -> Row:
    return {"paired": len(picks), "accuracy": wilson(sum(picks), len(picks)) if picks else None}


def _difference(first: Row, second: Row, old: list[bool], new: list[bool]) -> Row:
    """Returns the changes from the first run to the second: the numbers of problems by both verdicts, and the
    difference of accuracies with its interval (paired bootstrap over problems) and p-value (sign flips)."""
    cells = [(before, after) for before, after in zip(old, new, strict=True)]
    found: Row = {"first": first, "second": second, "gain": None, "p": None}
    for name, cell in (
        ("both", (True, True)),
        ("lost", (True, False)),
        ("won", (False, True)),
        ("neither", (False, False)),
    ):
        found[name] = cells.count(cell)
    if cells:
        found["gain"] = paired_bootstrap([float(after) for after in new], [float(before) for before in old])
        found["p"] = sign_flip([float(after) - float(before) for before, after in cells])
    return found


def _pairs(runs: list[str]) -> str:
    """Returns the SQL statement with a row for each problem on which every run has a verdict."""
    names = [PICKS.format(run=literal(run), number=number) for number, run in enumerate(runs)]
    joined = " ".join(f"JOIN r{number} USING (problem_id)" for number in range(1, len(runs)))
    verdicts = ", ".join(f"r{number}.correct" for number in range(len(runs)))
    lists = ", ".join(
        f"[{', '.join(f'r{number}.{name}' for number in range(len(runs)))}] AS {name}s"
        for name in ("correct", "answer", "rate")
    )
    return (
        f"WITH {', '.join(names)}, pairs AS (SELECT problem_id, {lists},"
        f" least({verdicts}) <> greatest({verdicts}) AS differ FROM r0 {joined})"
    )


RUNS = """
SELECT run_id, strategy, model, config->>'feedback' AS feedback, config->>'source' AS source, started_at FROM runs
WHERE run_id IN (SELECT run_id FROM raw.commits SEMI JOIN raw.turns USING (commit_id))
ORDER BY started_at DESC LIMIT 100"""

PICKS = """
r{number} AS (
    SELECT problem_id, coalesce(bool_or(correct) FILTER (chosen), false) AS correct,
           any_value(answer) FILTER (chosen) AS answer, avg(correct::INTEGER) AS rate
    FROM raw.judged SEMI JOIN (SELECT DISTINCT problem_id FROM raw.problems WHERE answer IS NOT NULL) USING (problem_id)
    WHERE run_id = {run} AND turn = turns AND role <> 'rollout' GROUP BY problem_id
    HAVING count(*) FILTER (chosen AND correct IS NULL AND answer IS NOT NULL) = 0
)"""
"""The query of the picks of a run by problem. A problem without an answer is wrong; an undecided problem is left
out."""

PAGE = """{pairs}
SELECT pairs.*, question FROM pairs JOIN problems USING (problem_id)
ORDER BY differ DESC, problem_id LIMIT {most} OFFSET {start}"""

COLUMN = "{pairs} SELECT list(corrects[{number} + 1] ORDER BY problem_id) AS picks FROM pairs"
