"""Beam search over tokens: it finds the drafts with the highest likelihood, without sampling."""

from langgraph.graph import END, START, StateGraph

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.correction.drafts import with_role
from redraft.agents.policies.policy import likeliest
from redraft.agents.sampling.graph import GraphAgent, State, Tree, TreeRuntime, notify
from redraft.llm.client.client import Client
from redraft.store.trajectory import Role, Trajectory


def token_beam(client: Client, *, width: int = 4, length_penalty: float = 1.0, watch: Watch | None = None) -> Agent:
    """Returns the best drafts of a beam search over tokens, best first; the pick is the first draft with an answer.

    `width` is the number of drafts. It is also the number of likeliest prefixes that are kept after each token. Drafts
    are ranked by the sum of their log-probabilities divided by length ** `length_penalty`. A penalty of 0 prefers short
    drafts; 1 ranks by the mean log-probability per token. The temperature has no effect. The drafts are not independent
    samples, so they have the role `search`. The embedded model computes the beam exactly, and vLLM uses its own beam
    search. For any other model the run ends with an error. Raises PartError for a `width` below 1.
    """
    at_least_one(width=width)
    policy = likeliest(client, length_penalty=length_penalty)

    async def propose(state: State, runtime: TreeRuntime) -> State:
        tree = runtime.context
        drafts = await policy(Trajectory(tree.question), width)
        written = [draft for draft in drafts if draft.steps]
        lost = [draft for draft in drafts if not draft.steps][:1]  # all drafts of one call are lost for the same reason
        tree.keep(with_role(draft, Role.SEARCH, draft.sample) for draft in (*written, *lost))
        notify(watch, tree.trajectories.values())
        return {"asked": width}

    async def choose(state: State, runtime: TreeRuntime) -> State:
        trajectories = runtime.context.trajectories.values()
        return runtime.context.choose(
            next((trajectory for trajectory in trajectories if trajectory.answer is not None), None)
        )

    graph = StateGraph(State, context_schema=Tree)
    graph.add_node("propose", propose)
    graph.add_node("choose", choose)
    graph.add_edge(START, "propose")
    graph.add_edge("propose", "choose")
    graph.add_edge("choose", END)
    return GraphAgent(graph.compile(name="token_beam"), limit=3)
