"""The graph of every search over steps: critique, propose and grade in turn until it is done; then choose, and end."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from redraft.agents.agent import Watch
from redraft.agents.policies.policy import Policy
from redraft.agents.search.final_answer import complete_best_node
from redraft.agents.search.node import Node
from redraft.agents.search.search import Search, SearchAgent, SearchRuntime, SearchState, notify


class GraphNode(Protocol):
    """The work of a graph's node on its tree; returns the new progress of the search."""

    async def __call__(self, state: SearchState, runtime: SearchRuntime) -> SearchState: ...


def search_agent(
    name: str,
    *,
    critique: GraphNode | None,
    propose: GraphNode,
    grade: GraphNode | None = None,
    choose: GraphNode,
    limit: int,
) -> SearchAgent:
    """The agent of a search's graph, in which nodes take turns, for at most `limit` of them.

    The nodes that the critique leaves `open` are proposed for; if it leaves none, another critique follows. Then
    `grade` gives a round's values. A critique or grade with `done` leads to `choose`, and that to the end. Without a
    `critique` proposals follow each other, and without a `grade` `propose` grades too: each node of the graph costs as
    much time as a round's own work, so that a search with cheap rounds has no more of them than it needs.
    """
    first = "critique" if critique else "propose"

    def way(at: str, state: SearchState) -> str:
        if at == "propose" and grade:
            return "grade"
        if state.get("done"):
            return "choose"
        return "propose" if at == "critique" and state.get("open") else first

    def add(at: str, work: GraphNode, *ways: str) -> None:
        async def node(state: SearchState, runtime: SearchRuntime) -> Command[str]:
            update = await work(state, runtime)
            return Command(update=update, goto=way(at, {**state, **update}))

        graph.add_node(at, node, destinations=ways)

    graph = StateGraph(SearchState, context_schema=Search)
    if critique:
        add("critique", critique, "propose", "critique", "choose")
    add("propose", propose, *(["grade"] if grade else [first, "choose"]))
    if grade:
        add("grade", grade, first, "choose")
    graph.add_node("choose", choose)
    graph.add_edge(START, first)
    graph.add_edge("choose", END)
    return SearchAgent(graph.compile(name=name), limit=limit)


def choose_node(
    policy: Policy,
    depth: int,
    *,
    value: Callable[[Search, list[Node]], Awaitable[None]],
    pick: Callable[[Search, SearchState], Node | None],
    watch: Watch | None,
) -> GraphNode:
    """The last node of a search. Without any solution it writes the best open trajectory to its end, to at most `depth`
    steps, and `value` gives the new nodes their values. The answer is the solution that the search's state names,
    otherwise that of `pick`."""

    async def choose(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search = runtime.context
        added = await complete_best_node(search, policy, depth)
        await value(search, added)
        notify(watch, added)
        taken = next((node for node in search.nodes if node.trajectory.trajectory_id == state.get("chosen")), None)
        return search.end(taken or pick(search, state))

    return choose
