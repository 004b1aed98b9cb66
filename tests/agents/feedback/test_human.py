"""A person as the feedback of a graph: LangGraph's interrupt, what it shows, and what survives a restart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from redraft.agents import build
from redraft.agents.feedback.human import human
from redraft.agents.sampling.graph import GraphAgent, Tree
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError, Request
from redraft.llm.providers.route import route
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Trajectory
from redraft.store.errors import PartError
from redraft.store.journal import Journal

QUESTION = Problem("Leo has 4 bags with 6 pens each. Then 5 pens get lost. How many pens does Leo have?").ask("u")
THREAD = {"configurable": {"thread_id": "1"}}
AGAIN = "Line 2 is doubtful. Check it and solve the problem again."


def pausing(client: Client, **arguments: Any) -> Any:
    """The graph of `correct` with a person as its feedback and a memory for its threads."""
    agent = build("correct", client, feedback="human", **arguments)
    assert isinstance(agent, GraphAgent)
    return agent.graph.builder.compile(checkpointer=InMemorySaver())


def asked(state: dict[str, Any]) -> dict[str, Any]:
    [interrupt] = state["__interrupt__"]
    return interrupt.value


def script(*drafts: list[str]) -> Callable[[], Scripted]:
    """A model with these answers, by turn and sample."""

    def write(request: Request, index: int) -> str:
        answer = drafts[len(request.messages) // 2][index]
        return f"I think.\n\n#### {answer}"

    return lambda: Scripted(write)


async def test_the_graph_waits_for_a_person_and_goes_on_with_what_they_say() -> None:
    graph, tree = pausing(Client(route("embedded")), turns=3), Tree(QUESTION)

    state = await graph.ainvoke({"asked": 0}, THREAD, context=tree)
    [draft] = asked(state)["drafts"]
    first = tree.trajectories[0]
    assert draft == {
        "sample": 0,
        "question": QUESTION.text,
        "turn": 1,
        "steps": [step.text for step in first.steps],
        "answer": first.answer,
    }
    state = await graph.ainvoke(Command(resume={"verdict": "wrong", "first_wrong_step": 2}), THREAD, context=tree)
    assert asked(state)["drafts"][0]["turn"] == 2
    state = await graph.ainvoke(Command(resume="right"), THREAD, context=tree)

    assert "__interrupt__" not in state
    [trajectory] = tree.ranked
    assert state["chosen"] == trajectory.trajectory_id
    assert (trajectory.turn, trajectory.oracle_used, trajectory.chosen) == (2, False, True)
    assert [(step.by, step.text) for step in trajectory.steps if step.by != "model"] == [("human", AGAIN)]
    assert trajectory.steps[: len(first.steps)] == first.steps


async def test_all_drafts_of_a_turn_are_asked_about_at_once_and_a_wrong_answer_again() -> None:
    model = script(["5", "6", "7"], ["", "8", "9"])()
    graph, tree = pausing(Client(model), samples=3, turns=2), Tree(QUESTION)

    state = await graph.ainvoke({"asked": 0}, THREAD, context=tree)
    assert [draft["answer"] for draft in asked(state)["drafts"]] == ["5", "6", "7"]
    for answer, error in [
        ("right", "1 answers for 3 drafts: give one a draft, in a list"),
        (["right", "good", "wrong"], "verdict 'good' is none of right, wrong"),
        (
            ["right", "wrong", {"verdict": "wrong", "first_wrong_step": 3}],
            "first_wrong_step=3 is no step of this draft",
        ),
    ]:
        state = await graph.ainvoke(Command(resume=answer), THREAD, context=tree)
        assert asked(state)["error"].startswith(error)
    judged = ["right", "wrong", {"verdict": "wrong", "remark": "Count again."}]
    state = await graph.ainvoke(Command(resume=judged), THREAD, context=tree)

    assert [request.messages[-1].content for request in model.requests] == [
        model.requests[0].messages[-1].content,
        "The answer is wrong. Solve the problem again.",
        "Count again.",
    ]
    assert {trajectory.sample: trajectory.turn for trajectory in tree.ranked} == {0: 1, 1: 2, 2: 2}


async def test_in_another_process_the_thread_begins_again_and_neither_model_nor_person_is_asked_twice(
    tmp_path: Path,
) -> None:
    make = script(["5"], ["6"], ["7"])

    async def sitting(answers: list[str]) -> tuple[Scripted, dict[str, Any], Tree]:
        model, journal, tree = make(), Journal(tmp_path / "r.jsonl"), Tree(QUESTION)
        graph = pausing(Client(model, journal=journal), turns=3)
        state = await graph.ainvoke({"asked": 0}, THREAD, context=tree)
        for answer in answers:
            state = await graph.ainvoke(Command(resume=answer), THREAD, context=tree)
        journal.close()
        return model, state, tree

    model, state, _ = await sitting(["wrong"])
    assert (len(model.requests), asked(state)["drafts"][0]["answer"]) == (2, "6")
    model, state, tree = await sitting(["wrong"])
    assert (len(model.requests), [trajectory.answers for trajectory in tree.ranked]) == (1, [("5", "6")])
    model, state, again = await sitting([])
    assert (model.requests, again.ranked) == ([], tree.ranked)


async def test_what_stands_before_the_first_wrong_step_may_be_kept() -> None:
    model = Scripted(lambda request, index: "#### 7" if request.prefix else "I think.\n\n#### 5")
    graph, tree = pausing(Client(model), turns=2, **{"feedback.keep": True}), Tree(QUESTION)
    await graph.ainvoke({"asked": 0}, THREAD, context=tree)
    await graph.ainvoke(Command(resume={"verdict": "wrong", "first_wrong_step": 2}), THREAD, context=tree)
    [trajectory] = tree.ranked
    assert (model.requests[1].prefix, trajectory.text(), trajectory.answers, trajectory.answer) == (
        "I think.\n\n",
        "I think.\n\n#### 7",
        ("5",),
        "7",
    )


async def test_another_tree_than_the_threads_own_is_refused() -> None:
    graph = pausing(Client(script(["5"], ["6"])()), turns=2)
    await graph.ainvoke({"asked": 0}, THREAD, context=Tree(QUESTION))
    with pytest.raises(PartError, match="pass the Tree that it was begun with as context, or begin the thread again"):
        await graph.ainvoke(Command(resume="wrong"), THREAD, context=Tree(QUESTION))


async def test_outside_of_any_thread_a_person_is_asked_at_a_terminal_only() -> None:
    trajectory = Trajectory(QUESTION).grow("#### 5", 0)
    with pytest.raises(ModelError, match="has to ask a person, and standard input is no terminal") as raised:
        await human()([trajectory])
    assert raised.value.fatal
    assert await human()([]) == []
