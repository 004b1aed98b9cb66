"""The nodes and arguments that all graphs of a strategy have in common."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from langgraph.graph import END

from redraft.agents.build import Spec, build, load
from redraft.agents.critics.critic import GO_ON, Critic, Critique
from redraft.agents.studio.arguments_json import arguments_schema
from redraft.agents.studio.session import own_nodes
from redraft.llm.client.client import Client
from redraft.llm.scripted import Scripted
from redraft.store.problems import Keyring
from redraft.store.trajectory import Trajectory

PROPOSE = "propose"
"""The node of an agent without a graph of its own."""


@dataclass(frozen=True, slots=True)
class GraphShape:
    """The common shape of all graphs of a strategy. A server treats the checkpoints of a thread as checkpoints of one
    graph, so the graph must not depend on the arguments. `ways` maps each node to its possible successors."""

    name: str
    arguments: type
    first: tuple[str, ...]
    ways: Mapping[str, tuple[str, ...]]


@cache
def graph_shape(strategy: Spec) -> GraphShape:
    """Returns the nodes that the graph of a strategy may have. With a critic there are more nodes."""
    factory = load(strategy)
    critics = (None, _satisfied_critic) if "critic" in inspect.signature(factory).parameters else (None,)
    client = Client(Scripted(lambda request, index: ""))
    first: dict[str, None] = {}
    ways: dict[str, dict[str, None]] = {}
    for critic in critics:
        nodes = own_nodes(build(strategy, client, keys=Keyring(), critic=critic))
        first[nodes.first if nodes else PROPOSE] = None
        for node, nexts in (nodes.ways if nodes else {PROPOSE: (END,)}).items():
            ways.setdefault(node, {}).update(dict.fromkeys(nexts))
    name = strategy if isinstance(strategy, str) else getattr(strategy, "__name__", "strategy")
    return GraphShape(
        name=name.rpartition(":")[2],
        arguments=arguments_schema(strategy),
        first=tuple(first),
        ways={node: tuple(nexts) for node, nexts in ways.items()},
    )


def _satisfied_critic() -> Critic:
    """Returns a critic that continues with every draft. Unlike the critic `none`, it makes the strategy add a
    `critique` node to its graph."""

    async def critique(trajectory: Trajectory) -> Critique:
        return GO_ON

    return critique
