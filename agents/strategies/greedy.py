"""Greedy decoding: a single draft at temperature 0."""

from langgraph.graph import END, START, StateGraph

from redraft.agents.agent import Agent, Watch
from redraft.agents.policies.policy import whole
from redraft.agents.sampling.graph import GraphAgent, State, Tree, TreeRuntime, notify
from redraft.llm.client.client import Client
from redraft.store.trajectory import Trajectory


def greedy(client: Client, *, watch: Watch | None = None) -> Agent:
    """Draws one draft at temperature 0, and ignores the run's temperature."""
    policy = whole(client, temperature=0.0)

    async def propose(state: State, runtime: TreeRuntime) -> State:
        tree = runtime.context
        tree.keep(await policy(Trajectory(tree.question), 1))
        notify(watch, tree.trajectories.values())
        return {"asked": 1}

    async def choose(state: State, runtime: TreeRuntime) -> State:
        trajectory = runtime.context.trajectories[0]
        return runtime.context.choose(None if trajectory.answer is None else trajectory)

    graph = StateGraph(State, context_schema=Tree)
    graph.add_node("propose", propose)
    graph.add_node("choose", choose)
    graph.add_edge(START, "propose")
    graph.add_edge("propose", "choose")
    graph.add_edge("choose", END)
    return GraphAgent(graph.compile(name="greedy"), limit=3)
