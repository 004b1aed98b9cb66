"""One draft at temperature 0."""

from langgraph.graph import END, START, StateGraph

from redraft.agents.agent import Agent, Watch
from redraft.agents.policies.policy import whole
from redraft.agents.sampling.graph import GraphAgent, State, Tree, Work, show
from redraft.llm.client.client import Client
from redraft.store.records import Trajectory


def greedy(client: Client, *, watch: Watch | None = None) -> Agent:
    """The model's most likely draft, whatever the run's temperature."""
    policy = whole(client, temperature=0.0)

    async def propose(state: State, runtime: Work) -> State:
        tree = runtime.context
        tree.keep(await policy(Trajectory(tree.question), 1))
        show(watch, tree.paths.values())
        return {"asked": 1}

    async def choose(state: State, runtime: Work) -> State:
        path = runtime.context.paths[0]
        return runtime.context.choose(None if path.answer is None else path)

    graph = StateGraph(State, context_schema=Tree)
    graph.add_node("propose", propose)
    graph.add_node("choose", choose)
    graph.add_edge(START, "propose")
    graph.add_edge("propose", "choose")
    graph.add_edge("choose", END)
    return GraphAgent(graph.compile(name="greedy"), limit=3)
