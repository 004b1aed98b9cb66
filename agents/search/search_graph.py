"""The graph of every search over steps: the nodes `critique`, `propose` and `grade` repeat until the search is done;
then `choose` runs, and the graph ends."""

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
    """A function that does the work of one node of a graph on the tree. Returns the search's changed state."""

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
    """Returns the agent that runs the graph of a search for at most `limit` steps of the graph.

    `propose` extends the tree nodes that `critique` leaves in `open`. If `critique` leaves none, it runs again. Then
    `grade` sets the values of the round. If `critique` or `grade` sets `done`, `choose` follows and the graph ends.
    Without a `critique`, `propose` is followed by another `propose`. Without a `grade`, `propose` also sets the values.
    Running a node of the graph takes as much time as the work of a cheap round, so searches with cheap rounds use few
    nodes.
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
    """Returns the last node of a search's graph. If there is no solution, the node writes the best open trajectory to
    its end, up to `depth` steps, and `value` sets the values of the new nodes. The answer is the solution that the
    search's state names, otherwise the solution that `pick` returns."""

    async def choose(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search = runtime.context
        added = await complete_best_node(search, policy, depth)
        await value(search, added)
        notify(watch, added)
        taken = next((node for node in search.nodes if node.trajectory.trajectory_id == state.get("chosen")), None)
        return search.end(taken or pick(search, state))

    return choose
