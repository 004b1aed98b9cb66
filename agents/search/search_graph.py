"""How every search over steps is wired: critique, propose, grade, and so on until it is done; then choose, and end."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from redraft.agents.agent import Watch
from redraft.agents.policies.policy import Policy
from redraft.agents.search.final_answer import finished
from redraft.agents.search.node import Node
from redraft.agents.search.search import Growth, Search, SearchAgent, Searching, shown


class Work(Protocol):
    """What a node of a search's graph does to its tree; returns how far the search is then."""

    async def __call__(self, state: Growth, runtime: Searching) -> Growth: ...


def wired(
    name: str, *, critique: Work | None, propose: Work, grade: Work | None = None, choose: Work, limit: int
) -> SearchAgent:
    """The agent of a search's graph, in which nodes take turns, for at most `limit` of them.

    What the critique leaves `open` is proposed for; where it leaves nothing, another critique follows. Then comes
    `grade`, a round's values. A critique or grade that says `done` leads to `choose`, and that to the end. Without a
    `critique` proposals follow each other, and without a `grade` `propose` grades too: each node costs as much time as
    a round's own work, so that a search whose rounds are cheap has no more of them than it needs.
    """
    first = "critique" if critique else "propose"

    def way(at: str, state: Growth) -> str:
        if at == "propose" and grade:
            return "grade"
        if state.get("done"):
            return "choose"
        return "propose" if at == "critique" and state.get("open") else first

    def add(at: str, work: Work, *ways: str) -> None:
        async def node(state: Growth, runtime: Searching) -> Command[str]:
            update = await work(state, runtime)
            return Command(update=update, goto=way(at, {**state, **update}))

        graph.add_node(at, node, destinations=ways)

    graph = StateGraph(Growth, context_schema=Search)
    if critique:
        add("critique", critique, "propose", "critique", "choose")
    add("propose", propose, *(["grade"] if grade else [first, "choose"]))
    if grade:
        add("grade", grade, first, "choose")
    graph.add_node("choose", choose)
    graph.add_edge(START, first)
    graph.add_edge("choose", END)
    return SearchAgent(graph.compile(name=name), limit=limit)


def choosing(
    policy: Policy,
    depth: int,
    *,
    value: Callable[[Search, list[Node]], Awaitable[None]],
    pick: Callable[[Search, Growth], Node | None],
    watch: Watch | None,
) -> Work:
    """How a search ends: without any solution its best open path is first written to its end, to at most `depth` steps;
    `value` gives what that adds its values. The answer is the solution that the search ended with, where its state
    names one, or that of `pick`."""

    async def choose(state: Growth, runtime: Searching) -> Growth:
        search = runtime.context
        added = await finished(search, policy, depth)
        await value(search, added)
        shown(watch, added)
        taken = next((node for node in search.nodes if node.path.trajectory_id == state.get("chosen")), None)
        return search.end(taken or pick(search, state))

    return choose
