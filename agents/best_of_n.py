"""Best of n: independent drafts, of which a grader picks one (Cobbe et al. 2021)."""

from langgraph.graph import END, START, StateGraph

from redraft.agents.agent import Agent, Count, Watch
from redraft.agents.graph import GraphAgent, State, Tree, Work, best, judge
from redraft.agents.policy import Policy
from redraft.graders.grader import Grader
from redraft.store.records import Trajectory


def best_of_n(policy: Policy, *, grader: Grader, samples: Count = 8, watch: Watch | None = None) -> Agent:
    """`samples` drafts in one call; the pick is the highest graded one that has an answer, the first of equals."""

    async def propose(state: State, runtime: Work) -> State:
        tree = runtime.context
        tree.keep(await policy(Trajectory(tree.question), samples))
        return {"asked": samples}

    async def grade(state: State, runtime: Work) -> None:
        tree = runtime.context
        tree.keep(await judge(grader, list(tree.paths.values()), watch))

    async def choose(state: State, runtime: Work) -> State:
        return runtime.context.choose(best(runtime.context.paths.values()))

    graph = StateGraph(State, context_schema=Tree)
    graph.add_node("propose", propose)
    graph.add_node("grade", grade)
    graph.add_node("choose", choose)
    graph.add_edge(START, "propose")
    graph.add_edge("propose", "grade")
    graph.add_edge("grade", "choose")
    graph.add_edge("choose", END)
    return GraphAgent(graph.compile(name="best_of_n"), limit=4)
