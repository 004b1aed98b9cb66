"""How an agent runs its graph: from node to node where nobody follows it, as LangGraph does where somebody does.

LangGraph's own run of a node costs 0.1 ms of processor time (a task, a checkpoint, managers of callbacks), as much as
a call to a model costs here in all. Whoever traces a graph, streams it, pauses it or makes it part of another one has
LangGraph run it; what comes of it is the same.
"""

from collections.abc import Mapping
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


async def run(graph: CompiledStateGraph[Any, ContextT, Any, Any], context: ContextT, limit: int) -> None:
    """Runs a graph, with nothing asked yet, for at most `limit` steps; what comes of it is in the context.

    Raises GraphRecursionError beyond the limit, and what the nodes raise.
    """
    if takes_turns(graph) and not _followed():
        await _walk(graph, context, limit)
        return
    streamed = graph.astream({"asked": 0}, {"recursion_limit": limit}, context=context, stream_mode=())
    async for _ in streamed:
        pass  # nothing is streamed


def takes_turns(graph: CompiledStateGraph[Any, Any, Any, Any]) -> bool:
    """Whether one node at a time runs, and what it returns takes the place of what was in the state: each has one edge,
    or tells by a Command which is next. Nothing is asked of LangGraph beside that, such as to pause or to try again."""
    builder, nodes = graph.builder, graph.builder.nodes.values()
    forks = len(dict(builder.edges)) < len(builder.edges) or any(builder.branches.values()) or builder.waiting_edges
    pauses = graph.checkpointer or graph.interrupt_before_nodes or graph.interrupt_after_nodes
    replaced = all(isinstance(channel, LastValue) for channel in builder.channels.values())
    return replaced and not (forks or pauses) and all(map(_plain, nodes))


def _plain(node: StateNodeSpec[Any, Any]) -> bool:
    """Whether a node is a function of the state and the runtime, to be run once, when its turn comes."""
    once = not (node.retry_policy or node.cache_policy or node.defer or node.timeout)
    wants = getattr(node.runnable, "func_accepts", {"what nobody knows"})
    return once and {"runtime"}.issuperset(wants)


def _followed() -> bool:
    """Whether this is part of another graph's run, or somebody (LangSmith, a callback) hears of every run."""
    try:
        get_config()
    except RuntimeError:  # in no graph
        return bool(AsyncCallbackManager.configure().handlers)
    return True


async def _walk(graph: CompiledStateGraph[Any, ContextT, Any, Any], context: ContextT, limit: int) -> None:
    nodes = cast(Mapping[str, Any], graph.builder.nodes)
    edges, state = dict(graph.builder.edges), {"asked": 0}
    at, runtime = edges[START], Runtime(context=context)
    for _ in range(limit):
        said = await nodes[at].runnable.ainvoke(state, {}, runtime=runtime)
        at = edges.get(at, END)
        if isinstance(said, Command):
            said, at = said.update, str(said.goto or at)
        if at == END:
            return
        state = {**state, **(said or {})}
    raise GraphRecursionError(f"the graph {graph.get_name()!r} has not ended after {limit} steps")
