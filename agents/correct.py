"""Draft, judge, critique, revise: correction in turns (after Huang et al. 2023)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from langgraph.graph import END, START, StateGraph

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.critic import Critic, Opinion
from redraft.agents.feedback.feedback import Feedback, Remark
from redraft.agents.graph import GraphAgent, State, Tree, Work, selected, show
from redraft.agents.policy import Policy
from redraft.graders.grader import Grader
from redraft.graders.selectors import best, majority
from redraft.llm.model import ModelError
from redraft.llm.together import together
from redraft.store.errors import PartError
from redraft.store.records import Role, Stop, Trajectory


def correct(
    policy: Policy,
    *,
    feedback: Feedback,
    critic: Critic,
    grader: Grader | None = None,
    samples: int = 1,
    turns: int = 3,
    pick: Literal["last", "best"] = "last",
    watch: Watch | None = None,
) -> Agent:
    """Each of `samples` drafts is revised until the feedback has nothing to say, the critic calls it finished or
    hopeless, or it has had `turns` drafts. Only drafts that ended by themselves are revised.

    The pick is the highest graded of the `last` drafts (their vote's winner, without a grader), or the `best`
    graded of all drafts of all turns. Where that is an earlier turn's, the path up to it stands for itself, in the
    role of a search, beside the whole trajectories. Raises PartError where `best` has no grader.
    """
    at_least_one(samples=samples, turns=turns)
    if pick == "best" and grader is None:
        raise PartError("pick='best' of strategy 'correct' needs a grader, as in grader='likelihood'")

    async def propose(state: State, runtime: Work) -> State:
        tree = runtime.context
        tree.keep(await policy(Trajectory(tree.question), samples))
        return {"asked": samples, "turn": 1, "open": list(tree.paths)}

    async def grade(state: State, runtime: Work) -> State:
        tree = runtime.context
        if grader:
            await tree.judge(grader, state.get("open", []))
        show(watch, _open(tree, state))
        return {"open": [path.sample for path in _open(tree, state) if path.stop is Stop.ANSWERED]}

    async def critique(state: State, runtime: Work) -> State:
        tree = runtime.context
        seen = await together(_criticised(critic, path) for path in _open(tree, state))
        tree.keep(seen)
        return {"open": [path.sample for path in seen if path.stop is Stop.ANSWERED]}

    async def revise(state: State, runtime: Work) -> State:
        tree = runtime.context
        revised = await _revised(policy, feedback, _open(tree, state))
        tree.keep(revised)
        again = [path.sample for path in revised if path.turn > state.get("turn", 1)]
        return {"open": again, "turn": state.get("turn", 1) + 1}

    async def choose(state: State, runtime: Work) -> State:
        tree = runtime.context
        paths = list(tree.paths.values())
        if grader is None:
            return tree.choose(selected(majority(paths), paths))
        if pick == "last":
            last = {path.sample: grade for path, grade in tree.graded}
            return tree.choose(selected(best(paths, [last[path.sample] for path in paths]), paths))
        drafts, grades = zip(*tree.graded, strict=True)
        draft = selected(best(drafts, grades), drafts)
        if draft is None or draft.turn == tree.paths[draft.sample].turn:
            return tree.choose(draft and tree.paths[draft.sample])
        return tree.choose(replace(draft, role=Role.SEARCH))

    def after_grade(state: State) -> str:
        return "critique" if state.get("open") and state.get("turn", 1) < turns else "choose"

    graph = StateGraph(State, context_schema=Tree)
    for node in (propose, grade, critique, revise, choose):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "propose")
    graph.add_edge("propose", "grade")
    graph.add_conditional_edges("grade", after_grade, ["critique", "choose"])
    graph.add_conditional_edges("critique", lambda state: _if_open(state, "revise"), ["revise", "choose"])
    graph.add_conditional_edges("revise", lambda state: _if_open(state, "grade"), ["grade", "choose"])
    graph.add_edge("choose", END)
    return GraphAgent(graph.compile(name="correct"), limit=3 * turns + 3)


def _open(tree: Tree, state: State) -> list[Trajectory]:
    return [tree.paths[sample] for sample in state.get("open", [])]


def _if_open(state: State, node: str) -> str:
    return node if state.get("open") else "choose"


async def _criticised(critic: Critic, path: Trajectory) -> Trajectory:
    """The path, ended if the critic says so. A critic that got no answer fails the path: that is no opinion."""
    try:
        critique = await critic(path)
    except ModelError as error:
        return _failed(path, error)
    return path if critique.opinion is Opinion.GO_ON else replace(path, stop=Stop.CRITIC, reason=critique.reason)


async def _revised(policy: Policy, feedback: Feedback, paths: Sequence[Trajectory]) -> list[Trajectory]:
    """The paths with a new draft each, or as they are where there is nothing to say."""
    try:
        remarks = await feedback(paths)
    except ModelError as error:
        return [_failed(path, error) for path in paths]

    async def answered(path: Trajectory, remark: Remark | None) -> Trajectory:
        if remark is None:
            return path
        [redrafted] = await policy(path.respond(remark.text, remark.by), 1)
        if redrafted.stop is Stop.BUDGET and not redrafted.draft():  # there was no call: the last draft stands
            return replace(path, stop=Stop.BUDGET, reason=redrafted.reason)
        return redrafted

    return await together(answered(path, said) for path, said in zip(paths, remarks, strict=True))


def _failed(path: Trajectory, error: ModelError) -> Trajectory:
    if error.fatal:
        raise error
    return replace(path, stop=error.stop, reason=str(error))
