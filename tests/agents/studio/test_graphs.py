"""The graphs whose state is JSON: they find what the strategies find, and any process can go on with a thread."""

import json
import math
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command
from pydantic import TypeAdapter

from redraft.agents import solve
from redraft.agents.sampling.graph import Tree
from redraft.agents.search.search import Search
from redraft.agents.studio import graphs as studio
from redraft.agents.studio.arguments_json import arguments_schema
from redraft.agents.studio.graphs import GraphError
from redraft.agents.studio.state import trajectory_to_json
from redraft.agents.studio.tree_json import from_json, to_json
from redraft.store import Problem, Trajectory

QUESTION = "Leo has 4 bags with 6 pens each. Then 5 pens get lost. How many pens does Leo have?"
SMALL: Mapping[str, Mapping[str, int]] = {
    "best_first": {"iterations": 4},
    "mcts": {"iterations": 4},
    "rest_mcts": {"iterations": 3},
}
ROOT = Path(__file__).parents[3]


def thread(name: str = "1") -> Any:
    return {"configurable": {"thread_id": name}}


async def asked(graph: Any, given: Any, context: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The state after a run of the thread."""
    await graph.ainvoke(given, thread(), context=context)
    return dict((await graph.aget_state(thread())).values)


@pytest.mark.parametrize("strategy", studio.STRATEGIES)
async def test_the_same_comes_of_it_as_of_the_strategy_and_the_state_shows_its_drafts(strategy: str) -> None:
    arguments: dict[str, Any] = {"seed": 3, "max_tokens": 100, **SMALL.get(strategy, {})}
    graph: Any = studio.graph(strategy, checkpointer=InMemorySaver())
    told: list[Any] = [
        event
        async for event in graph.astream(
            {"question": QUESTION, "answer": "19"}, thread(), context=arguments, stream_mode=["updates", "custom"]
        )
    ]
    state = (await graph.aget_state(thread())).values

    found = await solve(QUESTION, strategy, answer="19", **arguments)
    assert state["trajectories"] == [trajectory_to_json(trajectory) for trajectory in found]
    own = [trajectory for trajectory in state["trajectories"] if trajectory["role"] != "rollout"]
    written = {step["step_id"]: step["text"] for trajectory in own for step in trajectory["steps"]}
    shown = "".join(draft["text"] for draft in state["drafts"].values())
    assert all(text in shown for text in written.values())
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert to_json(from_json(state["progress"]["tree"])) == state["progress"]["tree"]
    nodes = [name for mode, event in told if mode == "updates" for name in event]
    assert (nodes[0], nodes[-1]) == ("begin", "choose")
    live = [event for mode, event in told if mode == "custom"]
    assert all(event["place"] in state["drafts"] for event in live)
    assert {"place", "text"} <= live[0].keys()


@pytest.mark.parametrize("strategy", studio.STRATEGIES)
def test_every_argument_has_a_type_a_default_and_a_description(strategy: str) -> None:
    schema = TypeAdapter(arguments_schema(strategy)).json_schema()["properties"]
    assert {"model", "api_base", "temperature", "max_tokens", "seed"} <= schema.keys()
    for facts in schema.values():
        assert facts.keys() & {"type", "anyOf", "enum"}
        assert facts["description"].endswith((".", ":", ";"))
        assert "default" in facts


def test_the_schema_follows_the_factories() -> None:
    schema = TypeAdapter(arguments_schema("correct")).json_schema()["properties"]
    assert (schema["turns"]["type"], schema["turns"]["default"]) == ("integer", 3)
    assert schema["turns"]["description"] == "The maximum number of drafts of a trajectory, including the first."
    assert schema["pick"]["enum"] == ["last", "best", "majority"]
    assert schema["feedback"]["default"] == "likelihood"
    assert "human" in schema["feedback"]["description"]
    assert schema["feedback.threshold"]["type"] == "number"


def test_langgraph_json_names_every_strategy() -> None:
    assert json.loads((ROOT / "langgraph.json").read_text()) == studio.langgraph_json()


@pytest.mark.parametrize(
    ("given", "context", "said"),
    [
        (
            {"question": QUESTION},
            {"temprature": 1},
            "no argument 'temprature' of strategy 'correct'; there are agree, ",
        ),
        ({"question": QUESTION}, {"turns": "many"}, "turns='many' does not fit: it wants a whole number"),
        ({"question": QUESTION}, {"turns": 2.5}, "turns='2.5' does not fit: it wants a whole number"),
        ({"question": QUESTION}, {"turns": [2]}, "turns=[2] does not fit: it wants one text, number or truth value"),
        ({"question": QUESTION}, {"turns": 0}, "turns=0 is too few; it must be at least 1"),
        ({"question": QUESTION}, {"agree": 2}, "agree='2' does not fit: it wants true or false"),
        ({"question": QUESTION}, {"seed": "x"}, "seed='x' does not fit: it wants a whole number"),
        ({"question": QUESTION}, {"temperature": -1}, "temperature=-1 is too low; it must be at least 0"),
        ({"question": QUESTION}, {"feedback": "humn"}, "no feedback 'humn'; there are critic, fixed, human"),
        ({"question": QUESTION}, {"feedback": "oracle"}, "feedback 'oracle' reads the known answers"),
        (
            {"question": QUESTION},
            {"model": "m", "api_base": "http://me:pw@host/v1"},
            "api_base holds a password or a key",
        ),
        ({"question": QUESTION}, {"client": "x"}, "no argument 'client' of strategy 'correct'"),
        ({"question": " "}, {}, "a run needs a question, as in"),
        ({"question": QUESTION, "answer": 19}, {}, "answer=19 is no text"),
        ({"question": QUESTION, "kind": "maths"}, {}, "no kind 'maths' of question; there are math, choice"),
    ],
)
async def test_a_mistake_is_one_line_that_names_it(given: Any, context: Mapping[str, Any], said: str) -> None:
    with pytest.raises(GraphError) as raised:
        await asked(studio.graph("correct"), given, context)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


async def test_a_thread_keeps_its_arguments_and_a_fork_may_have_others() -> None:
    saver = InMemorySaver()
    graph = studio.graph("correct", checkpointer=saver)
    context = {"feedback": "human", "turns": 2, "seed": 3}
    state = await asked(graph, {"question": QUESTION}, context)
    assert [draft["turn"] for draft in state["drafts"].values()] == [1]

    again: Any = studio.graph("correct", checkpointer=saver)  # as another process makes it
    state = await asked(again, Command(resume={"verdict": "wrong", "first_wrong_step": 2}))
    first, second = state["drafts"].values()
    assert (first["turn"], second["turn"], second["after"]) == (1, 2, next(iter(state["drafts"])))
    assert first["feedback"] == "human: Line 2 is doubtful. Check it and solve the problem again."
    assert [trajectory["turns"] for trajectory in state["trajectories"]] == [2]

    [waiting] = [past async for past in again.aget_state_history(thread()) if past.next == ("revise",)]
    await again.ainvoke(None, waiting.config, context={"feedback": "none"})
    forked = (await again.aget_state(thread())).values
    assert [draft.get("feedback") for draft in forked["drafts"].values()] == [
        "none: There may be an error in the solution. Check it and solve the problem again.",
        None,
    ]
    assert next(iter(forked["drafts"].values()))["text"] == first["text"]


async def test_a_thread_may_be_asked_another_question() -> None:
    graph = studio.graph("best_of_n", checkpointer=InMemorySaver())
    await asked(graph, {"question": QUESTION, "answer": "19"}, {"samples": 3, "grader": "oracle"})
    state = await asked(graph, {"question": QUESTION.replace("4", "3")}, {"samples": 2})
    assert len(state["drafts"]) == len(state["trajectories"]) == 2
    assert not any(trajectory["oracle_used"] for trajectory in state["trajectories"])
    assert {trajectory["correct"] for trajectory in state["trajectories"]} == {None}


async def test_reading_the_known_answer_is_told_of_later_nodes_too() -> None:
    graph = studio.graph("best_of_n", checkpointer=InMemorySaver())
    state = await asked(graph, {"question": QUESTION, "answer": "19"}, {"samples": 2, "grader": "oracle"})
    assert all(trajectory["oracle_used"] for trajectory in state["trajectories"])
    assert [trajectory["correct"] for trajectory in state["trajectories"]] == [False, False]
    assert all(draft["grades"][0].startswith("oracle: ") for draft in state["drafts"].values())


async def test_what_models_answer_before_a_person_is_asked_is_not_asked_again(openai_server: Any) -> None:
    """The person judges inside the node that drafts: it begins anew with each of their answers."""
    openai_server.write = lambda messages, seed, index: f"I think.\n\n#### {len(messages)}"
    context = {"model": "m", "api_base": openai_server.url, "turns": 1, "draft": "correct", "draft.turns": 3}
    saver = InMemorySaver()
    await asked(
        studio.graph("correct", checkpointer=saver), {"question": QUESTION}, {**context, "draft.feedback": "human"}
    )
    for answer in ("wrong", "wrong"):
        state = await asked(studio.graph("correct", checkpointer=saver), Command(resume=answer))
    drafts = [request for request in openai_server.requests if request["messages"][0]["content"].startswith("Solve")]
    assert [len(request["messages"]) for request in openai_server.requests if request in drafts] == [1, 3, 5]
    assert state["trajectories"][0]["answer"] == "5"
    assert state["progress"]["calls"] == []


SHORTEST = '''
from redraft.agents.agent import Agent
from redraft.agents.policies.policy import Policy
from redraft.store import Question, Trajectory


def shortest(policy: Policy, *, samples: int = 4) -> Agent:
    """The shortest of `samples` drafts."""

    async def solve(question: Question) -> list[Trajectory]:
        return sorted(await policy(Trajectory(question), samples), key=lambda draft: draft.tokens)

    return solve
'''


async def test_an_agent_without_a_graph_is_one_node(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(SHORTEST)
    graph = studio.graph(f"{tmp_path}/own.py:shortest", checkpointer=InMemorySaver())
    assert list(graph.get_graph().nodes) == ["__start__", "begin", "propose", "__end__"]
    state = await asked(graph, {"question": QUESTION}, {"samples": 3})
    assert len(state["trajectories"]) == 3
    assert graph.get_name() == "shortest"


async def test_another_process_goes_on_with_a_persons_answer(
    tmp_path: Path, guide_program: Callable[[str, str], str]
) -> None:
    """The program of the guide, run twice."""
    (tmp_path / "ask_person.py").write_text(guide_program("studio.md", "ask_person.py"))

    def process(said: str) -> str:
        command = [sys.executable, "ask_person.py", said]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    *asked, question = [line.strip() for line in process(QUESTION).splitlines()]
    assert question == "Is it right?"
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "threads.sqlite")) as saver:
        [draft] = (
            (await studio.graph("correct", checkpointer=saver).aget_state(thread("leo"))).values["drafts"].values()
        )
    assert draft["text"].splitlines() == asked

    [answer] = process("wrong").splitlines()
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "threads.sqlite")) as saver:
        state = (await studio.graph("correct", checkpointer=saver).aget_state(thread("leo"))).values
    [trajectory] = state["trajectories"]
    assert answer == f"The answer after 2 turns is {trajectory['answer']}."
    assert trajectory["drafts"][0] == {**draft, "feedback": "human: The answer is wrong. Solve the problem again."}


def test_a_search_keeps_what_json_has_no_number_for() -> None:
    search = Search(Problem(QUESTION).ask())
    search.queue = [((math.inf,), 0), ((-math.inf, 0.5), 0), ((0.5,), 0)]
    data = json.loads(json.dumps(to_json(search), allow_nan=False))
    found = from_json(data)
    assert isinstance(found, Search)
    assert found.queue == [((math.inf,), 0), ((-math.inf, 0.5), 0), ((0.5,), 0)]
    with pytest.raises(ValueError, match="this is no tree of a question"):
        from_json({"nodes": []})


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    tree = Tree(Problem(QUESTION).ask())
    tree.keep([Trajectory(tree.question).grow("half \ud83d", 0)])
    json.dumps(to_json(tree), ensure_ascii=False).encode()
    found = from_json(to_json(tree))
    assert isinstance(found, Tree)
    assert found.trajectories[0].text() == "half ?"
