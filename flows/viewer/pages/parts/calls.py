"""The calls of a unit: the exact prompt of each call to a model, and the replies."""

import json
from collections.abc import Sequence
from typing import Any

from redraft.flows.viewer.store_reader import Reader, Row
from redraft.store.tables.sql import literal, one_of


def read_calls(
    reader: Reader, unit: str, *, only: Sequence[str] | None = None, start: int = 0, most: int = 100
) -> list[Row]:
    """Returns calls of a unit in the order of their replies, with `messages` (role and content) and `replies` (texts).
    `only` are the ids of the wanted calls; by default the calls of all attempts of the unit are returned."""
    these = "true" if only is None else one_of("call_id", only)
    calls = reader.rows(CALLS.format(unit=literal(unit), these=these, start=start, most=most))
    hashes = sorted({call["prompt_hash"] for call in calls if call["prompt_hash"]})
    rows = reader.rows(PROMPTS.format(unit=literal(unit), these=one_of("prompt_hash", hashes))) if hashes else []
    prompts = {row["prompt_hash"]: json.loads(row["prompt"]) for row in rows}
    for call in calls:
        prompt = prompts.get(call["prompt_hash"]) or {}
        call["messages"] = [_message(message) for message in prompt.get("messages") or []]
        call["prefix"] = prompt.get("prefix")
        call["replies"] = _replies(call.pop("response"))
        call["tries"] = json.loads(call.pop("failed_tries") or "{}")
    return calls


def _message(message: Any) -> dict[str, str]:
    content = message.get("content")
    return {"role": str(message.get("role")), "content": content if isinstance(content, str) else json.dumps(content)}


def _replies(response: str | None) -> list[dict[str, Any]]:
    """Returns the replies of a call in the store. A reply that is not an object is shown unchanged."""
    choices = json.loads(response) if response else []
    found = choices if isinstance(choices, list) else [choices]
    return [choice if isinstance(choice, dict) else {"text": str(choice)} for choice in found]


CALLS = """
SELECT c.call_id, c.purpose, c.model, c.prompt_hash, c.params::VARCHAR AS params, c.prompt_tokens, c.completion_tokens,
       c.cached_tokens, c.reasoning_tokens, c.cost_usd, c.latency_ms, c.attempts, c.finish_reason, c.error, c.place,
       c.n, c.response, c.failed_tries::VARCHAR AS failed_tries, coalesce(c.answered_at, p.finished_at) AS answered_at
FROM raw.calls c JOIN raw.commits p USING (commit_id)
WHERE c.commit_id IN (SELECT commit_id FROM raw.commits WHERE unit_id = {unit}) AND {these}
ORDER BY answered_at, c.call_id LIMIT {most} OFFSET {start}"""

PROMPTS = """
SELECT prompt_hash, any_value(prompt)::VARCHAR AS prompt FROM raw.prompts
WHERE commit_id IN (SELECT commit_id FROM raw.commits WHERE unit_id = {unit}) AND {these} GROUP BY prompt_hash"""
