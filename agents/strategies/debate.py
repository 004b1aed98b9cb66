"""Debate: several writers see each other's drafts for some rounds, and their last answers vote (Du et al. 2023)."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from msgspec.structs import replace

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.correction.final_answer import pick_last
from redraft.agents.correction.turn import next_turns
from redraft.agents.feedback.feedback import Feedback
from redraft.agents.policies.policy import Policy
from redraft.agents.sampling.early_stop import with_vote_shares
from redraft.agents.sampling.graph import GraphAgent, State, Tree, TreeRuntime, notify
from redraft.store.trajectory import Stop, Trajectory


def debate(
    policy: Policy,
    *,
    feedback: Annotated[Feedback, "peers"],
    agents: int = 3,
    rounds: int = 2,
    watch: Watch | None = None,
) -> Agent:
    """Revises drafts in rounds, in which each writer sees the latest drafts of the others, and picks by majority.

    `agents` is the number of drafts. `rounds` is how often each draft is revised. All writers of a round see the drafts
    of the previous round. A debate costs agents x (1 + rounds) calls. Compare it with self-consistency of the same
    number of drafts (Huang et al. 2023).

    If the feedback has no remark on a draft, the draft remains in the debate unchanged. A round without changes is the
    last round. A draft that did not end by itself is neither shown to others nor revised again. The pick is the most
    frequent answer of the last drafts. If several answers are equally frequent, the one that was drafted first wins. A
    trajectory's score is the share of drafts with the same last answer, in [0, 1]. Raises PartError for counts below 1.
    """
    at_least_one(agents=agents, rounds=rounds)

    async def propose(state: State, runtime: TreeRuntime) -> Command[Literal["revise", "choose"]]:
        tree = runtime.context
        tree.keep(await policy(Trajectory(tree.question), agents))
        return heard(tree, {"asked": agents, "turn": 1}, list(tree.trajectories.values()))

    async def revise(state: State, runtime: TreeRuntime) -> Command[Literal["revise", "choose"]]:
        tree = runtime.context
        before = tree.at(state.get("open", []))
        turns = await next_turns(policy, feedback, before, 1)
        tree.keep(turn.trajectory for turn in turns)
        new = [
            turn.trajectory
            for turn, trajectory in zip(turns, before, strict=True)
            if turn.trajectory.turn > trajectory.turn
        ]
        return heard(tree, {"turn": state.get("turn", 1) + 1}, new)

    async def choose(state: State, runtime: TreeRuntime) -> State:
        tree = runtime.context
        tree.keep(with_vote_shares(tree.trajectories.values()))
        return tree.choose(pick_last(tree))

    def heard(tree: Tree, state: State, new: Sequence[Trajectory]) -> Command[Any]:
        """Returns the next node: another round of the drafts that ended by themselves, if rounds are left and another
        round could change a draft. Otherwise returns the node that chooses the answer."""
        opened = [trajectory for trajectory in tree.trajectories.values() if trajectory.stop is Stop.ANSWERED]
        over = state.get("turn", 1) > rounds
        if over:
            opened = [replace(trajectory, reason=f"The limit of rounds={rounds} is reached.") for trajectory in opened]
            tree.keep(opened)
        notify(watch, tree.at(trajectory.sample for trajectory in new))
        update: State = {**state, "open": [trajectory.sample for trajectory in opened]}
        return Command(update=update, goto="choose" if over or not new or len(opened) < 2 else "revise")

    graph = StateGraph(State, context_schema=Tree)
    for node in (propose, revise, choose):  # the return types of propose and revise name the successors
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "propose")
    graph.add_edge("choose", END)
    return GraphAgent(graph.compile(name="debate"), limit=rounds + 3)
