"""What a model is shown: all requests of one tree begin alike, so that a provider's memory of one serves the others."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, takewhile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from redraft.agents import build
from redraft.agents.critics.model import model as own_critic
from redraft.agents.policies.messages import conversation, follow_up
from redraft.agents.policies.policy import by_steps, stepwise, whole
from redraft.llm.capabilities import EVERYTHING, Continuing
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Finish, Message, Request, Sampling
from redraft.llm.prompts.prompts import Example, Prompts
from redraft.llm.prompts.templates import FINISHED, JUDGE, NEXT_STEP, SOLVE, fill
from redraft.llm.providers.route import route
from redraft.llm.scripted import Scripted
from redraft.store.journal import Journal
from redraft.store.problems import Question
from redraft.store.trajectory import Trajectory

QUESTION = Question("p", "How much?", unit="u")
PROMPTS = Prompts(system="Be brief.", examples=(Example("1+1?", "2"), Example("2+2?", "So 4.")))


@dataclass
class Node:
    """A step of a random tree, and what follows it; a remark opens a new turn."""

    text: str
    remark: bool
    below: list["Node"] = field(default_factory=list)


nodes = st.recursive(
    st.builds(Node, st.text("ab \n", min_size=1, max_size=6), st.booleans()),
    lambda inner: st.builds(
        Node, st.text("ab \n", min_size=1, max_size=6), st.booleans(), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


def trajectories(tree: Sequence[Node], trajectory: Trajectory) -> list[Trajectory]:
    """Every trajectory of a tree from its root, half-written drafts and several turns included."""
    found = [trajectory]
    for number, node in enumerate(tree):
        below = trajectory.grow(node.text, number)
        found += trajectories(node.below, below.respond("Again.", "ann") if node.remark else below)
    return found


def sent(request: Request) -> str:
    """A request as one text: what a server makes of its messages, up to where it begins to write."""
    turns = [f"<{message.role}>{message.content}" for message in request.messages]
    return "".join([*turns, f"<assistant>{request.prefix}"])


def shown(trajectory: Trajectory) -> str:
    """A trajectory as it is to stand in every request about it: the opening, the question, the drafts and remarks."""
    questions = [*(example.question for example in PROMPTS.examples), QUESTION.text]
    asked = [f"<user>{fill(SOLVE, question=question)}" for question in questions]
    text = f"<system>Be brief.{asked[0]}<assistant>2{asked[1]}<assistant>So 4.{asked[2]}"
    before = "ann"
    for step in trajectory.steps:
        opens = f"<{'assistant' if step.by == 'model' else 'user'}>" if step.by != before or before == "ann" else ""
        text, before = f"{text}{opens}{step.text}", step.by
    return text


def common(one: str, other: str) -> str:
    """The beginning that two texts share."""
    return "".join(first for first, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


async def asked(trajectory: Trajectory, continuing: Continuing) -> list[str]:
    """What all that can be asked of a trajectory sends: its next step, its rest, whether it is finished, whether
    right."""
    model = Scripted(
        lambda request, index: Choice("yes", Finish.END, 0), capabilities=replace(EVERYTHING, continuing=continuing)
    )
    client = Client(model, prompts=PROMPTS)
    await stepwise(client)(trajectory, 1)
    await whole(client)(trajectory, 2)
    if trajectory.text():
        await own_critic(client)(trajectory)
    return [sent(request) for request in model.requests]


@settings(deadline=None, max_examples=50)
@given(st.lists(nodes, min_size=1, max_size=3))
async def test_requests_of_one_tree_are_the_same_up_to_where_their_drafts_part(tree: list[Node]) -> None:
    requests: list[tuple[str, str]] = []
    for trajectory in trajectories(tree, Trajectory(QUESTION)):
        for continuing in (Continuing.NATIVE, Continuing.NONE):
            requests += [(shown(trajectory), text) for text in await asked(trajectory, continuing)]
    for (first, one), (second, other) in combinations(requests, 2):
        assert common(one, other).startswith(common(first, second))
    assert all(text.startswith(trajectory) for trajectory, text in requests)


async def test_a_path_is_judged_by_further_messages_after_its_drafts() -> None:
    model = Scripted(lambda request, index: "yes, right")
    trajectory = Trajectory(QUESTION).grow("#### 7", 0).respond("Again.", "ann").grow("#### 8", 0)
    await own_critic(Client(model, prompts=PROMPTS))(trajectory)

    solve = fill(SOLVE, question="How much?")
    before = (
        Message("system", "Be brief."),
        Message("user", fill(SOLVE, question="1+1?")),
        Message("assistant", "2"),
        Message("user", fill(SOLVE, question="2+2?")),
        Message("assistant", "So 4."),
        Message("user", solve),
        Message("assistant", "#### 7"),
        Message("user", "Again."),
        Message("assistant", "#### 8"),
    )
    assert [request.messages for request in model.requests] == [
        (*before, Message("user", FINISHED)),
        (*before, Message("user", JUDGE)),
    ]


def test_a_template_that_holds_the_question_is_a_message_of_its_own() -> None:
    templates = {"judge": "Judge this.\n{question}\n{solution}"}
    trajectory = Trajectory(QUESTION).grow("#### {question}", 0)
    client = Client(Scripted(lambda request, index: ""), prompts=replace(PROMPTS, templates=templates))
    assert follow_up(client, trajectory, "judge") == [
        Message("system", "Be brief."),
        Message("user", "Judge this.\nHow much?\n#### {question}"),
    ]


@pytest.mark.parametrize("policy", [whole, by_steps])
async def test_cached_tokens_are_counted_for_every_call_of_a_tree(openai_server: Any, policy: Any) -> None:
    """The server remembers beginnings of 16 words: from a sample's second call on, its prompts hold such ones."""

    def write(messages: Sequence[dict[str, Any]], seed: int, index: int) -> str:
        last = messages[-1]["content"]
        if last in (FINISHED, JUDGE):
            return "yes, but wrong"
        if last == NEXT_STEP:
            return '{"step": "The answer is \\\\boxed{7}", "final": true}'
        return f"I think of number {seed % 97}.\n\nThe answer is \\boxed{{7}}"

    openai_server.write, openai_server.caches, openai_server.continues = write, True, "none"
    journal = Journal(None)
    client = Client(route("tiny", openai_server.url), journal=journal, sampling=Sampling(max_tokens=500, seed=1))
    arguments: dict[str, Any] = {"critic": "model", "feedback": "none", "turns": 2, "samples": 2, "policy": policy}
    try:
        await build("correct", client, **arguments)(QUESTION)
    finally:
        await client.close()

    calls = [call for call, _ in journal.calls("u")]
    entries = [e for e in openai_server.record.entries if e.status == 200 and "How much?" in str(e.body["messages"])]
    logged = sorted((entry.prompt_tokens, entry.cached_tokens) for entry in entries)
    assert sorted((call.prompt_tokens, call.cached_tokens) for call in calls) == logged
    question = len(fill(SOLVE, question="How much?").split())
    least = question - question % 16
    first, *later = calls
    assert first.cached_tokens == 0
    assert {call.purpose for call in calls} == {"propose", "critique", "revise"}
    assert all(call.cached_tokens >= least for call in later)


def test_an_opening_is_the_same_for_every_question() -> None:
    client = Client(Scripted(lambda request, index: ""), prompts=PROMPTS)
    both = [conversation(client, Trajectory(structs.replace(QUESTION, text=text))) for text in ("One?", "Two?")]
    assert both[0][:-1] == both[1][:-1] == list(client.opening)
    assert json.dumps([m.content for m in client.opening]).count("Be brief.") == 1
