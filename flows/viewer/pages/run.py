"""A run: its settings and its results."""

import json
from typing import Any

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.pages.runs import read as read_runs
from redraft.flows.viewer.store_reader import Reader
from redraft.store.tables.sql import literal


def read(reader: Reader, asked: Address) -> dict[str, Any]:
    """Returns the run `id` with its settings, its calls by purpose, and how its trajectories ended. Raises NotThere."""
    run = next((run for run in read_runs(reader, asked)["runs"] if run["run_id"] == asked.get("id")), None)
    if run is None:
        raise NotThere(f"no run {asked.get('id')!r} in {reader.store.path}")
    name = literal(run["run_id"])
    [config] = reader.rows(f"SELECT config::VARCHAR AS config, facts::VARCHAR AS facts FROM runs WHERE run_id = {name}")
    return {
        "title": f"Run {run['run_id']}",
        "run": run,
        "settings": _flat(json.loads(config["config"] or "{}")),
        "facts": _flat(json.loads(config["facts"] or "{}")),
        "costs": reader.rows(COSTS.format(run=name)),
        "ends": reader.rows(ENDS.format(run=name)),
    }


def _flat(facts: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Returns pairs of name and value of the settings that have a value. A nested setting has a name such as
    "budget.calls"."""
    found: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            found += _flat(value, f"{above}{name}.")
        elif value not in (None, "", []):
            found.append((f"{above}{name}", value if isinstance(value, str) else json.dumps(value)))
    return found


COSTS = """
SELECT c.purpose, c.model, count(*) AS calls, count(c.error) AS failed, sum(c.prompt_tokens)::BIGINT AS prompt_tokens,
       sum(c.completion_tokens)::BIGINT AS tokens, sum(c.cost_usd) AS cost_usd, avg(c.latency_ms) / 1000 AS seconds
FROM raw.calls c JOIN raw.commits p USING (commit_id) WHERE p.run_id = {run} GROUP BY ALL ORDER BY tokens DESC"""

ENDS = """
SELECT t.role, t.ended AS stop, count(*) AS trajectories, any_value(t.reason) AS reason
FROM raw.turns t JOIN raw.published p USING (commit_id) WHERE p.run_id = {run} AND t.turn = t.turns
GROUP BY ALL ORDER BY trajectories DESC LIMIT 30"""
