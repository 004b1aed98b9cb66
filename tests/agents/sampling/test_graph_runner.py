"""An agent's own run of its graph beside LangGraph's: the same comes of both, and only the latter can be followed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from itertools import islice
from operator import add
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langchain_core.tracers.context import register_configure_hook
from langgraph.errors import GraphRecursionError
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import RetryPolicy

from redraft.agents import build
from redraft.agents.agent import Agent
from redraft.agents.sampling.graph import GraphAgent
from redraft.agents.sampling.graph_runner import is_sequential, run
from redraft.agents.search.search import SearchAgent
from redraft.llm.client.client import Client
from redraft.llm.model import Sampling
from redraft.llm.providers.route import route
from redraft.store.journal import Journal
from redraft.store.problems import Keyring
from redraft.store.sources.wordproblems import problems
from redraft.store.trajectory import Trajectory

STRATEGIES = sorted(json.loads((Path(__file__).parents[3] / "langgraph.json").read_text())["graphs"])
SMALL = {"mcts": {"iterations": 3}, "rest_mcts": {"iterations": 3}, "best_first": {"iterations": 6}}
[PROBLEM] = islice(problems(levels=[2], seed=5), 1)


class Heard(BaseCallbackHandler):
    """Hears of every run that LangGraph makes."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def on_chain_start(self, *given: Any, **facts: Any) -> None:
        self.names.append(str(facts.get("name")))


HEARD: ContextVar[Heard | None] = ContextVar("heard", default=None)
register_configure_hook(HEARD, inheritable=True)


@contextmanager
def heard() -> Iterator[list[str]]:
    """The names of what LangGraph runs meanwhile."""
    handler = Heard()
    token = HEARD.set(handler)
    try:
        yield handler.names
    finally:
        HEARD.reset(token)


def agent(strategy: str, **arguments: Any) -> GraphAgent | SearchAgent:
    """An agent with a journal: what its model said in one run, it says in the next."""
    client = Client(route("embedded"), journal=Journal(None), sampling=Sampling(seed=3, max_tokens=120))
    keys = Keyring({PROBLEM.problem_id: PROBLEM.answer})
    made = build(strategy, client, keys=keys, **SMALL.get(strategy, {}), **arguments)
    assert isinstance(made, GraphAgent | SearchAgent)
    return made


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_the_same_comes_of_both_runs(strategy: str) -> None:
    made = agent(strategy)
    assert is_sequential(made.graph)
    walked = await made(PROBLEM.ask())
    with heard() as names:
        assert await made(PROBLEM.ask()) == walked
    assert {strategy, "propose", "choose"} <= set(names)
    assert walked


async def test_nobody_hears_of_a_graph_that_is_walked_and_a_graph_around_it_does() -> None:
    made, taken = agent("correct", samples=2), list[list[Trajectory]]()

    class Outer(TypedDict, total=False):
        done: bool

    async def solve(state: Outer) -> Outer:
        taken.append(await made(PROBLEM.ask()))
        return {"done": True}

    graph = StateGraph(Outer).add_node("solve", solve).add_edge(START, "solve").add_edge("solve", END).compile()
    told = [update async for _, update in graph.astream({}, stream_mode="updates", subgraphs=True)]
    assert taken == [await made(PROBLEM.ask())]
    assert "propose" in {name for update in told for name in update}


@pytest.mark.parametrize("followed", [False, True])
async def test_neither_run_takes_more_steps_than_its_limit(followed: bool) -> None:
    made = replace(agent("self_consistency", samples=6, adaptive=True), limit=1)
    with pytest.raises(GraphRecursionError):
        await (_followed(made) if followed else made(PROBLEM.ask()))


async def _followed(made: Agent) -> list[Trajectory]:
    with heard():
        return await made(PROBLEM.ask())


@dataclass
class Met:
    nodes: list[str] = field(default_factory=list)


class Told(TypedDict, total=False):
    asked: int


class Summed(TypedDict, total=False):
    asked: Annotated[int, add]


def greater(one: int, other: int) -> int:
    return max(one, other)


class Forked(TypedDict, total=False):
    asked: Annotated[int, greater]


@pytest.mark.parametrize(
    ("state", "edges", "met"),
    [
        (Told, [("propose", "grade"), ("grade", "choose")], ["choose 1", "grade 1", "propose 0"]),
        (Summed, [("propose", "grade"), ("grade", "choose")], ["choose 2", "grade 1", "propose 0"]),
        (Forked, [("propose", "grade"), ("propose", "choose")], ["choose 1", "grade 1", "propose 0"]),
    ],
    ids=["turns", "a reducer", "two edges"],
)
async def test_langgraph_runs_what_does_more_than_take_turns(
    state: Any, edges: list[tuple[str, str]], met: list[str]
) -> None:
    def node(name: str) -> Any:
        async def said(state: Told, runtime: Runtime[Met]) -> Told:
            runtime.context.nodes.append(f"{name} {state.get('asked')}")
            return {"asked": 1}

        return said

    graph = StateGraph(state, context_schema=Met)
    for name in ("propose", "grade", "choose"):
        graph.add_node(name, node(name))
    for start, end in [(START, "propose"), *edges]:
        graph.add_edge(start, end)
    compiled, ran = graph.compile(), Met()
    assert is_sequential(compiled) == (state is Told)
    await run(compiled, ran, limit=4)
    assert sorted(ran.nodes) == met


@pytest.mark.parametrize("kind", ["tries again", "is not async", "wants the config"])
async def test_langgraph_runs_nodes_that_ask_more_of_it(kind: str) -> None:
    failing = iter([kind == "tries again"])

    async def plain(state: Told, runtime: Runtime[Met]) -> Told:
        runtime.context.nodes.append("propose")
        if next(failing, False):
            raise ConnectionError
        return {"asked": 1}

    def direct(state: Told, runtime: Runtime[Met]) -> Told:
        runtime.context.nodes.append("propose")
        return {"asked": 1}

    async def configured(state: Told, config: RunnableConfig, runtime: Runtime[Met]) -> Told:
        runtime.context.nodes.append(f"at most {config.get('recursion_limit')}")
        return {"asked": 1}

    node: Any = {"tries again": plain, "is not async": direct, "wants the config": configured}[kind]
    policy = RetryPolicy(initial_interval=0.01, jitter=False) if kind == "tries again" else None
    graph = StateGraph(Told, context_schema=Met).add_node("propose", node, retry_policy=policy)
    compiled, ran = graph.add_edge(START, "propose").add_edge("propose", END).compile(), Met()
    assert is_sequential(compiled) == (kind == "is not async")
    await run(compiled, ran, limit=4)
    expected = {"tries again": ["propose"] * 2, "is not async": ["propose"], "wants the config": ["at most 4"]}
    assert ran.nodes == expected[kind]
