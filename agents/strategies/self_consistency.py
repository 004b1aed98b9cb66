"""Self-consistency: the most frequent answer of independent drafts wins (Wang et al. 2022)."""

from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.policies.policy import Policy
from redraft.agents.sampling.early_stop import count_votes, fewest_to_settle, is_settled, with_vote_shares
from redraft.agents.sampling.graph import GraphAgent, State, Tree, TreeRuntime, notify, selected_trajectory
from redraft.graders.selectors import majority
from redraft.store.trajectory import Trajectory


def self_consistency(policy: Policy, *, samples: int = 8, adaptive: bool = False, watch: Watch | None = None) -> Agent:
    """Draws `samples` drafts and picks the most frequent answer.

    If several answers are equally frequent, the one that was drafted first wins. A draft without an answer has no vote.
    Without `adaptive`, all drafts are drawn at once. With `adaptive`, they are drawn in rounds. A round draws the
    smallest number of drafts that could settle the vote. Drawing stops when the remaining drafts can no longer change
    the winner, so the answer is the same with fewer drafts. The number of drafts then depends on their answers, which
    biases pass@k. A trajectory's score is the share of drafts with the same answer, in [0, 1].

    Args:
        samples: The number of drafts that vote; if `adaptive`, the maximum number.
        adaptive: Whether drafts are drawn in rounds, until the remaining drafts can no longer change the winner.
    """
    at_least_one(samples=samples)

    async def propose(state: State, runtime: TreeRuntime) -> Command[Literal["propose", "choose"]]:
        tree, asked = runtime.context, state.get("asked", 0)
        left = samples - asked
        more = fewest_to_settle(count_votes(tree.trajectories.values()), left) if adaptive else left
        drafts = await policy(Trajectory(tree.question), more, asked)
        tree.keep(drafts)
        notify(watch, drafts)
        enough = is_settled(count_votes(tree.trajectories.values()), left - more)
        return Command(update={"asked": asked + more}, goto="choose" if enough else "propose")

    async def choose(state: State, runtime: TreeRuntime) -> State:
        tree = runtime.context
        tree.keep(with_vote_shares(tree.trajectories.values()))
        trajectories = list(tree.trajectories.values())
        return tree.choose(selected_trajectory(majority(trajectories), trajectories))

    graph = StateGraph(State, context_schema=Tree)
    graph.add_node("propose", propose)
    graph.add_node("choose", choose)
    graph.add_edge(START, "propose")
    graph.add_edge("choose", END)
    return GraphAgent(graph.compile(name="self_consistency"), limit=samples + 2)
