"""The page of a unit's calls: prompt, replies, tokens, cost, latency, tries."""

from typing import Any

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.pages.parts.calls import read_calls
from redraft.flows.viewer.store_reader import Reader, problem_of_unit
from redraft.store.tables.sql import literal

PER_PAGE = 50


def read(reader: Reader, asked: Address) -> dict[str, Any]:
    """Returns the calls of the unit `unit`, beginning with the call number `start`. Raises NotThere."""
    name = literal(asked.get("unit"))
    unit = reader.row(UNIT.format(unit=name, problem=problem_of_unit(name)))
    if unit is None:
        raise NotThere(f"no unit {asked.get('unit')!r} in {reader.store.path}")
    start = asked.whole("start")
    calls = read_calls(reader, unit["unit_id"], start=start, most=PER_PAGE + 1)
    return {
        "title": "Calls",
        "unit": unit,
        "calls": calls[:PER_PAGE],
        "before": asked.but(start=max(0, start - PER_PAGE) or None) if start else None,
        "following": asked.but(start=start + PER_PAGE) if len(calls) > PER_PAGE else None,
    }


UNIT = """
WITH unit AS (
    SELECT unit_id, any_value(problem_id) AS problem_id, arg_max(run_id, attempt) AS run_id, list(commit_id) AS commits
    FROM raw.commits WHERE unit_id = {unit} GROUP BY unit_id
), spent AS (
    SELECT count(*) AS calls, count(error) AS failed, sum(prompt_tokens)::BIGINT AS prompt_tokens,
           sum(completion_tokens)::BIGINT AS completion_tokens, sum(cost_usd) AS cost_usd, avg(latency_ms) AS latency_ms
    FROM raw.calls WHERE commit_id IN (SELECT commit_id FROM raw.commits WHERE unit_id = {unit})
)
SELECT u.unit_id, u.problem_id, u.run_id, p.question, r.strategy, r.model, s.*
FROM unit u LEFT JOIN {problem} p USING (problem_id) LEFT JOIN runs r USING (run_id), spent s"""
