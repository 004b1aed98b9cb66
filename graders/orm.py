"""An outcome reward model: grades a whole draft with the probability that its answer is right (Cobbe et al. 2021)."""

import json
import re
from collections.abc import Sequence
from typing import Any

from redraft.graders.grader import Grader
from redraft.graders.rewards.aggregate import unjudgeable
from redraft.graders.rewards.prm_profiles import Nonsense, probabilities
from redraft.llm.client.client import Client
from redraft.llm.gather import gather
from redraft.llm.model import Message, ModelError, Request
from redraft.llm.prompts.templates import fill
from redraft.store.errors import PartError, alternatives
from redraft.store.trajectory import Grade, Trajectory

NAME = "orm"
PROFILES = ("judge", "classify", "classify_chat")

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "probability": {"type": "number"}},
    "required": ["reason", "probability"],
    "additionalProperties": False,
}


def orm(
    client: Client, *, profile: str = "judge", model: str | None = None, api_base: str | None = None, good: int = -1
) -> Grader:
    """Grades a draft with the probability, in [0, 1], that it is right.

    The profile "classify" asks the sequence classifier `model` at vLLM's `/classify` of `api_base`. The classifier
    reads the question, a blank line and the draft; with the profile "classify_chat" it reads question and draft as a
    chat. `good` is the index of the class that means right, by default the last. The profile "judge" asks a language
    model, by default the writer's own, for the probability as JSON.

    The value is a probability, and not a difference of two logits, so it can weight a vote. If the call failed, or the
    reply has no such number, the grade has a reason instead of a value. Raises PartError for an unknown profile, and
    fatal ModelErrors.

    Args:
        profile: How the model is asked: `classify`, `classify_chat` or `judge`.
        model: The model that judges; `none` means the writer's own model.
        api_base: The address of the model's server.
        good: The index of the class that means right; -1 is the last.
    """
    if profile not in PROFILES:
        raise PartError(f"no profile {profile!r} of grader 'orm'; {alternatives(profile, PROFILES)}")
    if profile != "judge":
        if model is None:
            raise PartError(f"profile {profile!r} of grader 'orm' needs a model: set grader.model and grader.api_base")
        client = client.for_model(f"classify:{model}", api_base)
    elif model is not None:
        client = client.for_model(model, api_base)

    async def grade(trajectory: Trajectory) -> Grade:
        place = NAME, trajectory.trajectory_id, trajectory.turn
        name = client.model.name
        if reason := unjudgeable(trajectory):
            return Grade(*place, reason=reason, grader_model=name)
        request = _request(client, profile, trajectory)
        [drawn] = await client.draw(trajectory.question, "grade", trajectory.place, request)
        if isinstance(drawn, ModelError):
            return Grade(*place, reason=str(drawn), grader_model=name)
        try:
            value = stated(drawn.text) if profile == "judge" else _classified(drawn.text, good)
        except Nonsense as error:
            return Grade(*place, reason=str(error), grader_model=name)
        return Grade(*place, value=value, grader_model=name)

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return await gather(grade(trajectory) for trajectory in trajectories)

    return grader


def stated(reply: str) -> float:
    """Returns the last probability that a reply states as JSON; other text may surround the JSON. Raises Nonsense if
    the reply states no number in [0, 1]."""
    for start in reversed([match.start() for match in re.finditer(r"\{", reply)]):
        try:
            parsed, _ = json.JSONDecoder().raw_decode(reply, start)
        except (ValueError, RecursionError):
            continue
        value = parsed.get("probability") if isinstance(parsed, dict) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
            return float(value)
    raise Nonsense("the judge's reply holds no probability from 0 to 1")


def _request(client: Client, profile: str, trajectory: Trajectory) -> Request:
    question, text = trajectory.question.text, trajectory.text()
    if profile == "judge":
        asked = fill(client.template("rate_solution"), question=question, solution=text)
        return client.request([Message("user", asked)], temperature=0, schema=SCHEMA)
    if profile == "classify":
        return client.request([Message("input", f"{question}\n\n{text}")], temperature=0, max_tokens=1)
    messages = [Message("user", question), Message("assistant", text)]
    return client.request(messages, temperature=0, max_tokens=1)


def _classified(text: str, good: int) -> float:
    """Returns the probability of the class `good` in a reply, which must have exactly one row. Raises Nonsense."""
    rows = json.loads(text)
    if len(rows) != 1:
        raise Nonsense(f"{len(rows)} values for one draft")
    row = probabilities(rows[0])
    if not -len(row) <= good < len(row):
        raise Nonsense(f"class {good} of {len(row)} is to be the right one: set grader.good to another")
    return row[good]
