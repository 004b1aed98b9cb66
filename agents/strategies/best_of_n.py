"""Best of n: independent drafts, one of which a grader picks (Cobbe et al. 2021)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from langgraph.graph import END, START, StateGraph

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.policies.policy import Policy
from redraft.agents.sampling.graph import GraphAgent, State, Tree, TreeRuntime, notify, selected_trajectory
from redraft.graders.grader import Grader
from redraft.graders.selectors import Selection, best, weighted_majority
from redraft.store.errors import PartError, alternatives
from redraft.store.trajectory import Grade, Trajectory

PICKS: Mapping[str, Callable[[Sequence[Trajectory], Sequence[Grade]], Selection]] = {
    "best": best,
    "weighted_majority": weighted_majority,
}


def best_of_n(
    policy: Policy,
    *,
    grader: Grader,
    samples: int = 8,
    pick: Literal["best", "weighted_majority"] = "best",
    watch: Watch | None = None,
) -> Agent:
    """Draws `samples` drafts in one call and picks the draft with the highest grade.

    Only drafts with an answer can be picked. If grades are equal, the first draft wins. With `pick=weighted_majority`,
    the grades of each answer are summed, and the best draft of the answer with the highest sum is picked (Li et al.
    2023). Raises PartError for an unknown `pick`.

    Args:
        samples: The number of drafts per question.
        pick: `best` picks the draft with the highest grade; `weighted_majority` sums the grades of each answer, and
            picks the best draft of the answer with the highest sum.
    """
    at_least_one(samples=samples)
    if pick not in PICKS:
        raise PartError(f"no pick {pick!r} of best_of_n; {alternatives(pick, PICKS)}")

    async def propose(state: State, runtime: TreeRuntime) -> State:
        tree = runtime.context
        tree.keep(await policy(Trajectory(tree.question), samples))
        return {"asked": samples}

    async def grade(state: State, runtime: TreeRuntime) -> None:
        tree = runtime.context
        await tree.judge(grader, tree.trajectories)
        notify(watch, tree.trajectories.values())

    async def choose(state: State, runtime: TreeRuntime) -> State:
        trajectories, grades = zip(*runtime.context.graded, strict=True)
        return runtime.context.choose(selected_trajectory(PICKS[pick](trajectories, grades), trajectories))

    graph = StateGraph(State, context_schema=Tree)
    graph.add_node("propose", propose)
    graph.add_node("grade", grade)
    graph.add_node("choose", choose)
    graph.add_edge(START, "propose")
    graph.add_edge("propose", "grade")
    graph.add_edge("grade", "choose")
    graph.add_edge("choose", END)
    return GraphAgent(graph.compile(name="best_of_n"), limit=4)
