"""Asks a language model to rate each step of a draft, as JSON with a strict schema."""

import json
import re
from collections.abc import Sequence
from typing import Any

from redraft.graders.rewards.aggregate import written
from redraft.graders.rewards.prm_profiles import Nonsense
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Message, ModelError
from redraft.llm.prompts.templates import fill
from redraft.store.trajectory import Detail, Trajectory

JUDGES = ("judge",)
RATINGS = ("good", "neutral", "bad")

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "step": {"type": "integer"},
                    "reason": {"type": "string"},
                    "rating": {"type": "string", "enum": list(RATINGS)},
                },
                "required": ["step", "reason", "rating"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["steps"],
    "additionalProperties": False,
}
"""The reason of each step comes before its rating, so that the model reasons before it rates."""


async def judged(client: Client, trajectory: Trajectory, votes: int = 1) -> list[Detail]:
    """Returns, for each step, the fraction of replies that gave each rating. `votes` replies are drawn; a single reply
    is drawn at temperature 0. A reply is ignored if its call failed, or if it does not rate each step of the draft
    exactly once. Raises Nonsense if all replies are ignored, and ModelError if no call was answered."""
    steps = written(trajectory)
    listed = "\n".join(f"<step {number}>\n{step}\n</step {number}>" for number, step in enumerate(steps, start=1))
    asked = fill(client.template("rate_steps"), question=trajectory.question.text, solution=listed)
    request = client.request([Message("user", asked)], n=votes, temperature=0 if votes == 1 else None, schema=SCHEMA)
    drawn = await client.draw(trajectory.question, "grade", trajectory.place, request)
    choices = [result for result in drawn if isinstance(result, Choice)]
    if not choices:
        raise next(result for result in drawn if isinstance(result, ModelError))
    ballots = [ballot for choice in choices if (ballot := read(choice.text, len(steps))) is not None]
    if not ballots:
        raise Nonsense(f"the judge's reply holds no rating of each of the {len(steps)} steps")
    return [_shares(ratings) for ratings in zip(*ballots, strict=True)]


def read(reply: str, steps: int) -> list[str] | None:
    """Returns the ratings of the steps 1 to `steps`, in order, from the last JSON object in a reply. A code fence or
    other text may surround the object. Returns None if there is no such object, or if it rates other steps or a step
    twice."""
    for start in reversed([match.start() for match in re.finditer(r"\{", reply)]):
        try:
            parsed, _ = json.JSONDecoder().raw_decode(reply, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(parsed, dict) and isinstance(parsed.get("steps"), list):
            rows = [row for row in parsed["steps"] if isinstance(row, dict)]
            ratings = {row.get("step"): row.get("rating") for row in rows if row.get("rating") in RATINGS}
            whole = len(rows) == len(parsed["steps"]) == steps and set(ratings) == set(range(1, steps + 1))
            return [str(ratings[number]) for number in range(1, steps + 1)] if whole else None
    return None


def _shares(ratings: Sequence[str]) -> Detail:
    good, neutral, bad = (ratings.count(rating) / len(ratings) for rating in RATINGS)
    return Detail(p_good=good, p_neutral=neutral, p_bad=bad, n=len(ratings))
