"""Runs an agent's graph. If nothing observes the run, its nodes are called one after the other; otherwise LangGraph
runs the graph.

If LangGraph runs a node, that costs 0.1 ms of processor time (a task, a checkpoint, callback managers). This is as much
as all other work of redraft for one call to a model. If a graph is traced, streamed, paused or part of another graph,
LangGraph runs it; the result is the same.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManager
from langgraph.channels import LastValue
from langgraph.config import get_config
from langgraph.errors import GraphRecursionError
from langgraph.graph import END, START
from langgraph.graph.state import CompiledStateGraph, StateNodeSpec
from langgraph.runtime import Runtime
from langgraph.types import Command
from langgraph.typing import ContextT

INITIAL_STATE: dict[str, Any] = {"asked": 0}
"""The state in which every graph begins."""

ALWAYS_WALK: ContextVar[bool] = ContextVar("WALKED", default=False)
"""Whether agents call their nodes one after the other even inside another graph. This is used if the other graph stores
the results of its nodes itself."""


async def run(graph: CompiledStateGraph[Any, ContextT, Any, Any], context: ContextT, limit: int) -> None:
    """Runs a graph from its initial state for at most `limit` steps. The nodes store the result in `context`.

    Raises GraphRecursionError if the graph needs more steps, and the errors of the nodes.
    """
    if is_sequential(graph) and not _is_observed():
        await _walk(graph, context, limit)
        return
    streamed = graph.astream(INITIAL_STATE, {"recursion_limit": limit}, context=context, stream_mode=())
    async for _ in streamed:
        pass  # nothing is streamed


def is_sequential(graph: CompiledStateGraph[Any, Any, Any, Any]) -> bool:
    """Returns True if only one node of the graph runs at a time, and each result replaces values in the state. Each
    node of such a graph has one edge, or names its successor by a Command. A graph that uses other features of
    LangGraph, such as pauses or retries, is not sequential."""
    builder, nodes = graph.builder, graph.builder.nodes.values()
    forks = len(dict(builder.edges)) < len(builder.edges) or any(builder.branches.values()) or builder.waiting_edges
    pauses = graph.checkpointer or graph.interrupt_before_nodes or graph.interrupt_after_nodes
    replaced = all(isinstance(channel, LastValue) for channel in builder.channels.values())
    return replaced and not (forks or pauses) and all(map(_is_plain_node, nodes))


def _is_plain_node(node: StateNodeSpec[Any, Any]) -> bool:
    """Returns True if a node is a function of the state and the runtime, without retries, caches or deferred
    execution."""
    once = not (node.retry_policy or node.cache_policy or node.defer or node.timeout)
    wants = getattr(node.runnable, "func_accepts", {"what nobody knows"})
    return once and {"runtime"}.issuperset(wants)


def _is_observed() -> bool:
    """Returns True if this code is part of another graph's run, or if an observer (LangSmith, a callback) is active."""
    if ALWAYS_WALK.get():
        return False
    try:
        get_config()
    except RuntimeError:  # not inside a graph
        return bool(AsyncCallbackManager.configure().handlers)
    return True


async def _walk(graph: CompiledStateGraph[Any, ContextT, Any, Any], context: ContextT, limit: int) -> None:
    nodes = Nodes(graph)
    at, state, runtime = nodes.first, INITIAL_STATE, Runtime(context=context)
    for _ in range(limit):
        at, state = await nodes.run(at, state, runtime)
        if at == END:
            return
    raise GraphRecursionError(f"the graph {graph.get_name()!r} has not ended after {limit} steps")


class Nodes:
    """The nodes of a graph that `is_sequential`, which can be run one at a time. `first` is the name of the first
    node."""

    def __init__(self, graph: CompiledStateGraph[Any, Any, Any, Any]) -> None:
        self._nodes = cast(Mapping[str, Any], graph.builder.nodes)
        self._edges = dict(graph.builder.edges)
        self.first = self._edges[START]

    @property
    def ways(self) -> dict[str, tuple[str, ...]]:
        """Returns a dict from each node's name to the names of its possible successors. END is the successor of the
        last node."""
        ends = {name: tuple(node.ends or ()) for name, node in self._nodes.items()}
        return {name: (*found, *([self._edges[name]] if name in self._edges else ())) for name, found in ends.items()}

    async def run(self, at: str, state: dict[str, Any], runtime: Runtime[Any]) -> tuple[str, dict[str, Any]]:
        """Runs the node with the name `at`. Returns a pair of its successor's name (END after the last node) and the
        new state."""
        said = await self._nodes[at].runnable.ainvoke(state, {}, runtime=runtime)
        then = self._edges.get(at, END)
        if isinstance(said, Command):
            said, then = said.update, str(said.goto or then)
        return then, {**state, **(said or {})}
