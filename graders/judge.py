"""A grader that asks a language model to judge free text by a rubric. The rubric is not shown to the writer."""

import json
import re
from collections.abc import Sequence
from typing import Any

from redraft.graders.grader import Grader
from redraft.llm.client.client import Client
from redraft.llm.gather import gather
from redraft.llm.model import Message, ModelError
from redraft.llm.prompts.templates import fill
from redraft.store.problems import Keyring
from redraft.store.trajectory import Grade, Stop, Trajectory, Verdict

NAME = "judge"

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string"},
        "score": {"type": "number"},
        "verdict": {"type": "string", "enum": [verdict.value for verdict in Verdict]},
    },
    "required": ["reason", "score", "verdict"],
    "additionalProperties": False,
}
"""The strict JSON schema of a judgement. The reason comes first, so that the model reasons before it scores."""


def judge(client: Client, keys: Keyring, *, temperature: float = 0.0) -> Grader:
    """Grades an answer by the key's rubric. The grade has a verdict, and a value in [0, 1]: the fraction of the rubric
    that is met.

    `grader.model` sets the model that judges; by default it is the writer's own model. Reading the rubric counts as
    using an oracle. If the draft or the call failed, the reply can't be read, or the rubric is unknown, the grade has a
    reason instead of a value. A draft without an answer is `wrong`, and no call is made.

    Args:
        temperature: The sampling temperature of the judge.
    """

    async def grade(trajectory: Trajectory) -> Grade:
        if trajectory.stop is Stop.FAILED:
            return _undecided(trajectory, f"the trajectory failed: {trajectory.reason or 'no reason was given'}")
        return await judged(client, keys.open(trajectory.question), trajectory, temperature)

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return await gather(grade(trajectory) for trajectory in trajectories)

    return grader


async def judged(client: Client, rubric: str | None, trajectory: Trajectory, temperature: float = 0.0) -> Grade:
    """Returns the grade that the client's model gives a trajectory's answer. Raises only fatal ModelErrors."""
    place, model = (NAME, trajectory.trajectory_id, trajectory.turn), client.model.name
    if not rubric or not rubric.strip():
        return _undecided(trajectory, "the rubric of this problem is not known")
    if not trajectory.answer or not trajectory.answer.strip():
        return Grade(*place, value=0.0, verdict=Verdict.WRONG, reason="no answer", grader_model=model)
    asked = {"question": trajectory.question.text, "solution": trajectory.answer, "rubric": rubric}
    messages = [Message("user", fill(client.template("judge_by_rubric"), **asked))]
    request = client.request(messages, temperature=temperature, schema=SCHEMA)
    [drawn] = await client.draw(trajectory.question, "grade", trajectory.place, request)
    if isinstance(drawn, ModelError):
        return _undecided(trajectory, f"the judge gave no answer: {drawn}", model)
    judgement = read(drawn.text)
    if judgement is None:
        return _undecided(trajectory, "the judge's reply holds no score from 0 to 1 with a verdict", model)
    score, verdict, reason = judgement
    return Grade(*place, value=score, verdict=verdict, reason=reason or None, grader_model=model)


def read(reply: str) -> tuple[float, Verdict, str] | None:
    """Returns the triple (score, verdict, reason) of the last judgement in a reply. The judgement is JSON; a code fence
    or other text may surround it. Returns None if there is no judgement, or if its score is not in [0, 1]."""
    for start in reversed([match.start() for match in re.finditer(r"\{", reply)]):
        try:
            parsed, _ = json.JSONDecoder().raw_decode(reply, start)
        except (ValueError, RecursionError):
            continue
        score, verdict = parsed.get("score"), parsed.get("verdict")
        if isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1 and verdict in VERDICTS:
            return float(score), Verdict(verdict), str(parsed.get("reason") or "")
    return None


def _undecided(trajectory: Trajectory, reason: str, model: str | None = None) -> Grade:
    place = (NAME, trajectory.trajectory_id, trajectory.turn)
    return Grade(*place, verdict=Verdict.UNDECIDED, reason=reason, grader_model=model)


VERDICTS = tuple(verdict.value for verdict in Verdict)
