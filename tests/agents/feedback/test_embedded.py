"""Every feedback on the embedded model: what it is shown over two rounds, in the words that it was trained on."""

from typing import Any

import pytest

from redraft.agents import build
from redraft.llm.client.client import Client
from redraft.llm.model import Reply, Request, Sampling
from redraft.llm.providers.embedded.model import HERE, EmbeddedModel
from redraft.llm.providers.embedded.prompts import FEEDBACK
from redraft.store.problems import Keyring
from redraft.store.sources.reader import read
from redraft.store.trajectory import Role, Stop, Trajectory

MAY = "There may be an error in the solution. Check it and solve the problem again."
WRONG = "The answer is wrong. Solve the problem again."

Asked = tuple[tuple[str, ...], str]
"""The texts of a request's messages, and the beginning that its answer goes on from."""


class Watched(EmbeddedModel):
    """The embedded model, and what it was asked."""

    def __init__(self) -> None:
        super().__init__(HERE)
        self.requests: list[Request] = []

    async def complete(self, request: Request) -> Reply:
        self.requests.append(request)
        return await super().complete(request)


def shown(trajectory: Trajectory, fresh: bool) -> list[Asked]:
    """What the writer is to be shown before each draft of a trajectory: all drafts and remarks so far, or none of
    them."""
    texts, asked = [f"solve\n{trajectory.question.text}"], []
    for turn in range(1, trajectory.turn + 1):
        given = "".join(step.text for step in trajectory.draft(turn) if step.tokens == 0 and not step.final)
        asked.append((tuple(texts), given))
        said = trajectory.feedback(turn + 1)
        texts += [trajectory.text(turn), said.text] if said and not fresh else []
    return asked


async def corrected(feedback: str, **arguments: Any) -> tuple[list[Trajectory], list[Asked]]:
    """Three problems' samples after at most three drafts, and every request for a draft."""
    model = Watched()
    client = Client(model, sampling=Sampling(max_tokens=200, seed=3))
    trajectories: list[Trajectory] = []
    for problem in read("builtin:split=heldout,levels=3-4,seed=7", limit=3):
        keys = Keyring({problem.problem_id: problem.answer})
        agent = build("correct", client, keys=keys, feedback=feedback, turns=3, samples=3, **arguments)
        trajectories += [trajectory for trajectory in await agent(problem.ask()) if trajectory.role is Role.SAMPLE]
    requests = [(tuple(m.content for m in request.messages), request.prefix) for request in model.requests]
    return trajectories, [asked for asked in requests if asked[0][0].startswith("solve\n")]


@pytest.mark.parametrize(
    ("feedback", "arguments"),
    [
        ("none", {}),
        ("fixed", {}),
        ("self", {}),
        ("critic", {"feedback.temperature": 0.7}),
        ("likelihood", {"feedback.threshold": -0.02}),
        ("prm", {"feedback.grader": "likelihood", "feedback.threshold": -0.02}),
        ("oracle", {}),
        ("random", {}),
    ],
)
async def test_two_rounds_are_shown_as_they_were(feedback: str, arguments: dict[str, Any]) -> None:
    trajectories, asked = await corrected(feedback, **arguments)
    fresh = feedback == "random"
    assert set(asked) == {request for trajectory in trajectories for request in shown(trajectory, fresh)}
    assert len(asked) == 3 + sum(trajectory.turn - 1 for trajectory in trajectories)
    assert {trajectory.stop for trajectory in trajectories} <= {Stop.ANSWERED, Stop.LENGTH}
    assert {trajectory.turn for trajectory in trajectories} >= ({3} if feedback in ("none", "fixed") else {1, 3})
    remarks = [step for trajectory in trajectories for step in trajectory.steps if step.by != "model"]
    assert {step.by for step in remarks} == {feedback}
    assert all(FEEDBACK.fullmatch(step.text) or fresh for step in remarks)
    always = {"none": {MAY}, "fixed": {WRONG}, "oracle": {WRONG}, "random": {""}}
    assert {step.text for step in remarks} == always.get(feedback, {step.text for step in remarks})


async def test_what_stands_before_the_first_doubtful_step_begins_the_next_draft() -> None:
    trajectories, asked = await corrected("prm", **{"feedback.grader": "likelihood", "feedback.threshold": -0.02})
    kept = 0
    for trajectory in trajectories:
        for turn in range(2, trajectory.turn + 1):
            said, before = trajectory.feedback(turn), trajectory.draft(turn - 1)
            assert said is not None
            given = [step.text for step in trajectory.draft(turn) if step.tokens == 0 and not step.final]
            assert given == [step.text for step in before[: len(given)]]
            assert said.text.startswith(f"Line {len(given) + 1} is doubtful.")
            kept += bool(given)
    assert kept > 0
    assert sum(bool(prefix) for _, prefix in asked) == kept
