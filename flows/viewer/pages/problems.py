"""The problems of a store, which are searched, sorted and paged in SQL."""

import re
from collections.abc import Sequence
from typing import Any

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.pages.parts.validation import check_runs, check_value
from redraft.flows.viewer.store_reader import Reader, Row, numbers
from redraft.store.tables.sql import literal, one_of

PER_PAGE = 50
SORTS = {
    "id": ("problem_id", "id"),
    "source": ("source", "source"),
    "level": ("level", "level"),
    "rate": ("rate", "pass rate"),
    "samples": ("samples", "samples"),
    "answers": ("answers", "different answers"),
    "disagreement": ("disagreement", "disagreement of graders"),
}
"""The columns by which problems can be sorted, with their titles."""

OWN = ("id", "source", "level")
"""The sort columns for which only the drafts of the problems on the page are read."""

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?")


def read(reader: Reader, asked: Address) -> dict[str, Any]:
    """Returns a page of problems. `q` is searched in the question, the answer and the id. `run`, `source`, `level` and
    `oracle` (yes or no) are conditions. `sort` and `order` (up or down) define the order. `after` and `key` are the id
    and the sort value of the last problem of the previous page (keyset paging), so the cost of a page does not depend
    on its position. Raises NotThere."""
    sort, order = asked.get("sort", "id"), asked.get("order", "up")
    for name, there in (("sort", SORTS), ("order", ("up", "down")), ("oracle", ("yes", "no"))):
        check_value(asked, name, there)
    check_runs(reader, asked)
    _check_place(reader, asked, sort)
    column = SORTS[sort][0]
    found = _page(reader, asked, sort, column, order)
    more = len(found) > PER_PAGE
    found = found[:PER_PAGE]
    if found:
        _add_counts(reader, found, asked.all("run"))
    if found and sort != "disagreement":
        _add_disagreement(reader, found, asked.all("run"))
    last = found[-1] if more else None
    following = asked.but(after=last["problem_id"], key=_key(last[column])) if last else None
    return {
        "title": "Problems",
        "problems": found,
        "sorts": {name: title for name, (_, title) in SORTS.items()},
        "sort": sort,
        "order": order,
        "following": following,
        "first": asked.but(after=None, key=None),
        "total": _total(reader, asked) if not asked.get("after") else None,
        "sources": [row["source"] for row in reader.rows(SOURCES)],
        "runs": reader.rows(RUNS),
    }


def _check_place(reader: Reader, asked: Address, sort: str) -> None:
    """Raises NotThere if `after` and `key` are not a position in the list."""
    after, key = asked.get("after"), asked.get("key")
    if not after:
        return
    if reader.row(f"SELECT 1 AS found FROM raw.problems WHERE problem_id = {literal(after)} LIMIT 1") is None:
        raise NotThere(f"no problem {after!r} in {reader.store.path}, after which a page could begin")
    if sort not in ("id", "source") and key != "null" and not _NUMBER.fullmatch(key):
        raise NotThere(f"key={key!r} is no {SORTS[sort][1]}: after needs the value of its problem, or null")


def read_these(reader: Reader, ids: Sequence[str], runs: Sequence[str] = ()) -> dict[str, Any]:
    """Returns these problems on one page. If `runs` are given, only drafts of these runs are counted."""
    found = reader.rows(THESE.format(these=one_of("problem_id", ids)))
    _add_counts(reader, found, runs)
    _add_disagreement(reader, found, runs)
    return {"title": "Problems", "problems": found, "total": len(found), "first": None, "following": None}


def _key(value: Any) -> str:
    return "null" if value is None else repr(value) if isinstance(value, float) else str(value)


def _page(reader: Reader, asked: Address, sort: str, column: str, order: str) -> list[Row]:
    """Returns the problems of a page, and one more to detect a next page. Problems that the query excludes are left
    out."""
    source = (
        "chosen p" if sort in OWN and not asked.get("oracle") else "chosen p LEFT JOIN counted c USING (problem_id)"
    )
    if sort == "disagreement":
        source += " LEFT JOIN disputed d USING (problem_id)"
    conditions = [_after(asked, column, order)]
    if asked.get("oracle"):
        conditions.append("c.oracle_used" if asked.get("oracle") == "yes" else "coalesce(NOT c.oracle_used, true)")
    direction = "ASC" if order == "up" else "DESC"
    sql = PAGE.format(
        conditions=_conditions(asked),
        counted=COUNTED.format(these=_of(asked.all("run")), counts=MEASURES.get(sort, "count(*) AS samples")),
        disputed=DISPUTED.format(graded="true", **_disputed(asked.all("run"))),
        source=source,
        after=" AND ".join(conditions),
        column=column,
        direction=direction,
        tie=direction if column == "problem_id" else "ASC",
        most=PER_PAGE + 1,
    )
    return reader.rows(sql)


def _after(asked: Address, column: str, order: str) -> str:
    """Returns the SQL condition for problems after the last problem of the previous page. NULLs come last in both
    orders."""
    if not asked.get("after"):
        return "true"
    last, key = literal(asked.get("after")), asked.get("key")
    if key == "null":
        return f"{column} IS NULL AND p.problem_id > {last}"
    value = literal(key) if column in ("problem_id", "source") else f"try_cast({literal(key)} AS DOUBLE)"
    beyond = ">" if order == "up" else "<"
    if column == "problem_id":
        return f"p.problem_id {beyond} {last}"
    return f"({column} {beyond} {value} OR {column} IS NULL OR ({column} = {value} AND p.problem_id > {last}))"


def _conditions(asked: Address) -> str:
    found = ["true"]
    if text := asked.get("q"):
        columns = ("question", "answer", "problem_id")
        found.append("(" + " OR ".join(f"contains(lower({name}), lower({literal(text)}))" for name in columns) + ")")
    if asked.get("source"):
        found.append(f"source = {literal(asked.get('source'))}")
    if asked.get("level"):
        found.append(f"level = {asked.whole('level')}")
    if asked.get("run"):
        found.append(f"problem_id IN (SELECT problem_id FROM raw.commits WHERE {_of(asked.all('run'))})")
    return " AND ".join(found)


def _of(runs: Sequence[str]) -> str:
    """Returns the SQL condition for rows of these runs. Without runs, all rows match."""
    return one_of("run_id", runs) if runs else "true"


def _total(reader: Reader, asked: Address) -> int | None:
    """Returns the number of problems that match. Returns None if the conditions depend on drafts, which only the page
    itself counts."""
    if asked.get("oracle"):
        return None
    row = reader.row(f"SELECT count(DISTINCT problem_id) AS n FROM raw.problems WHERE {_conditions(asked)}")
    return row["n"] if row else 0


def _add_counts(reader: Reader, problems: list[Row], runs: Sequence[str]) -> None:
    found = {
        row.pop("problem_id"): row
        for row in reader.rows(COUNTED.format(**_places(reader, problems, runs), counts=COUNTS))
    }
    for problem in problems:
        problem.update(found.get(problem["problem_id"], NOTHING))


def _add_disagreement(reader: Reader, problems: list[Row], runs: Sequence[str]) -> None:
    rows = reader.rows(DISPUTED.format(**_places(reader, problems, runs), **_disputed(runs)))
    found = {row["problem_id"]: row["disagreement"] for row in rows}
    for problem in problems:
        problem["disagreement"] = found.get(problem["problem_id"])


def _places(reader: Reader, problems: list[Row], runs: Sequence[str]) -> dict[str, str]:
    """Returns SQL conditions on the units of these problems, and on commits that graded them. With commit numbers,
    DuckDB reads only some blocks."""
    these = one_of("problem_id", [problem["problem_id"] for problem in problems])
    commits = reader.rows(f"SELECT commit_id FROM raw.commits WHERE {these}")
    found = f"commit_id IN ({numbers(row['commit_id'] for row in commits)})"
    return {"these": f"{found} AND {_of(runs)}", "graded": found}


def _disputed(runs: Sequence[str]) -> dict[str, str]:
    """Returns SQL conditions on the drafts of runs, and on their labels. A grade of a draft may belong to another
    run."""
    if not runs:
        return {"drafts": "true", "labelled": "true"}
    drafts = f"SELECT path_id FROM raw.turns JOIN raw.published USING (commit_id) WHERE {_of(runs)}"
    return {"drafts": f"g.path_id IN ({drafts})", "labelled": _of(runs)}


NOTHING: Row = {"samples": None, "answered": None, "answers": None, "rate": None, "oracle_used": None}

MEASURES = {
    "samples": "count(*) AS samples",
    "answers": "count(DISTINCT answer) AS answers",
    "rate": "avg(correct::INTEGER) AS rate",
}
"""The SQL expressions over the drafts of all problems by which problems can be sorted."""
COUNTS = f"{', '.join(MEASURES.values())}, count(answer) AS answered"
COUNTED = """
SELECT problem_id, {counts}, bool_or(oracle_used) AS oracle_used
FROM raw.judged WHERE {these} AND turn = turns AND role <> 'rollout' GROUP BY problem_id"""
"""The query, for each problem, of some of COUNTS, and of whether a method read its answer."""

DISPUTED = """
SELECT problem_id, avg(disputed::INTEGER) AS disagreement FROM (
    SELECT problem_id, path_id, turn, min(said) <> max(said) AS disputed FROM (
        SELECT p.problem_id, g.path_id, g.turn, hash(g.grader, g.grader_model) AS who,
               CASE WHEN g.verdict IN ('right', 'wrong') THEN g.verdict = 'right' ELSE g.value >= 0.5 END AS said
        FROM raw.grades g JOIN raw.published p USING (commit_id)
        WHERE {graded} AND {drafts} AND g.step_id IS NULL AND (g.verdict IN ('right', 'wrong')
            OR (g.value BETWEEN 0 AND 1 AND NOT starts_with(g.grader, 'likelihood')))
        UNION ALL
        SELECT problem_id, raw.path_id(trajectory_id), turn, hash('human', person), verdict = 'right' FROM labels
        WHERE {labelled} AND current AND verdict <> 'skip'
    ) GROUP BY problem_id, path_id, turn HAVING min(who) <> max(who)
) GROUP BY problem_id"""
"""The query, for each problem, of the share of drafts with different verdicts, among the drafts that two graders or
people judged."""

PAGE = """
WITH chosen AS (
    SELECT problem_id, source, split, level, subject, question, answer FROM raw.problems
    WHERE {conditions} QUALIFY row_number() OVER (PARTITION BY problem_id ORDER BY added_at DESC) = 1
), counted AS ({counted}), disputed AS ({disputed})
SELECT * FROM {source} WHERE {after} ORDER BY {column} {direction} NULLS LAST, p.problem_id {tie} LIMIT {most}"""

THESE = """
SELECT problem_id, source, split, level, subject, question, answer FROM raw.problems
WHERE {these} QUALIFY row_number() OVER (PARTITION BY problem_id ORDER BY added_at DESC) = 1 ORDER BY problem_id"""
SOURCES = "SELECT DISTINCT source FROM raw.problems WHERE source IS NOT NULL ORDER BY source LIMIT 200"
RUNS = """
SELECT run_id, strategy, started_at FROM runs WHERE run_id IN (SELECT run_id FROM raw.commits)
ORDER BY started_at DESC LIMIT 100"""
