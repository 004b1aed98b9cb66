"""Rationalisation: if no draft is right, further drafts are drawn with the key as a hint (STaR: Zelikman et al. 2022,
arXiv 2203.14465). Trajectories do not contain the hint, so an export shows only the question."""

from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from msgspec.structs import replace

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.policies.policy import Policy
from redraft.agents.sampling.graph import GraphAgent, State, Tree, TreeRuntime, notify, selected_trajectory
from redraft.graders.answers.checker import Checker
from redraft.graders.oracle import oracle
from redraft.graders.selectors import best
from redraft.llm.client.client import Client
from redraft.llm.prompts.templates import fill
from redraft.store.errors import PartError
from redraft.store.problems import Keyring
from redraft.store.trajectory import Role, Trajectory

HINT = "{question}\n\n(Hint: the answer is {answer}.)"


def rationalise(
    policy: Policy,
    keys: Keyring,
    client: Client,
    *,
    samples: int = 1,
    hint: str = HINT,
    checker: Checker | None = None,
    watch: Watch | None = None,
) -> Agent:
    """Draws `samples` drafts, and if none of them is right, draws the same number again with the answer key as a hint
    in the question. The first right draft is the pick. Every trajectory is marked `oracle_used`. Drafts with a hint
    have the role `search`, because they are not independent samples. A problem without a known answer gets no hint.
    Raises PartError if `hint` lacks a placeholder.

    Args:
        samples: The number of drafts without a hint, and of drafts with a hint.
        hint: The template of the question with the hint; it contains the placeholders {question} and {answer}.
    """
    at_least_one(samples=samples)
    for place in ("{question}", "{answer}"):
        if place not in hint:
            raise PartError(f"hint={hint[:60]!r} of rationalise lacks {place}: write it into the text")
    judge = oracle(keys, checker=checker, client=client)

    async def propose(state: State, runtime: TreeRuntime) -> State:
        tree = runtime.context
        tree.keep(await policy(Trajectory(tree.question), samples))
        return {"asked": samples}

    async def grade(state: State, runtime: TreeRuntime) -> Command[Literal["revise", "choose"]]:
        tree = runtime.context
        now = [number for number in tree.trajectories if number >= state.get("asked", 0) - samples]
        await tree.judge(judge, now)
        notify(watch, tree.at(now))
        known = keys.open(tree.question) is not None
        hinted = state.get("asked", 0) > samples or not known or any(one.score for one in tree.at(now))
        return Command(goto="choose" if hinted else "revise")

    async def revise(state: State, runtime: TreeRuntime) -> State:
        tree = runtime.context
        text = fill(hint, question=tree.question.text, answer=keys.open(tree.question) or "")
        drafts = await policy(Trajectory(replace(tree.question, text=text)), samples, samples)
        tree.keep(replace(draft, question=tree.question, role=Role.SEARCH) for draft in drafts)
        return {"asked": 2 * samples}

    async def choose(state: State, runtime: TreeRuntime) -> State:
        tree = runtime.context
        trajectories, grades = zip(*tree.graded, strict=True)
        picked = selected_trajectory(best(trajectories, grades), trajectories)
        return tree.choose(picked if picked and picked.score else None)

    graph = StateGraph(State, context_schema=Tree)
    graph.add_node("propose", propose)
    graph.add_node("grade", grade)
    graph.add_node("revise", revise)
    graph.add_node("choose", choose)
    graph.add_edge(START, "propose")
    graph.add_edge("propose", "grade")
    graph.add_edge("revise", "grade")
    graph.add_edge("choose", END)
    return GraphAgent(graph.compile(name="rationalise"), limit=6)
