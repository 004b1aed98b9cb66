"""Correction in turns: draft, judge, critique, revise (after Huang et al. 2023, Qu et al. 2024, Kumar et al. 2024)."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.correction.final_answer import PICKS
from redraft.agents.correction.first_drafts import first_drafts
from redraft.agents.correction.turn import DraftLimits, apply_critic, keep_best_siblings, next_turns
from redraft.agents.critics.critic import Critic, go_on
from redraft.agents.feedback.feedback import Feedback
from redraft.agents.policies.policy import Policy
from redraft.agents.sampling.graph import GraphAgent, State, Tree, TreeRuntime, notify
from redraft.graders.grader import Grader
from redraft.llm.gather import gather
from redraft.store.errors import PartError
from redraft.store.trajectory import Stop, Trajectory


def correct(
    policy: Policy,
    *,
    feedback: Feedback,
    critic: Critic,
    grader: Grader | None = None,
    draft: Agent | None = None,
    teacher: Policy | None = None,
    samples: int = 1,
    turns: int = 3,
    branches: int = 1,
    threshold: float | None = None,
    agree: bool = False,
    pick: Literal["last", "best", "majority"] = "last",
    watch: Watch | None = None,
) -> Agent:
    """Revises each of `samples` drafts in turns, until a limit is reached or the feedback has no remark.

    A trajectory also ends if the critic calls it finished or hopeless, if its grade reaches the `threshold`, if it
    repeats its answer (`agree`), and after `turns` drafts. Its `stop` and `reason` name the cause. Only a draft that
    ended by itself is revised.

    If a `draft` strategy is given, it replaces the policy for the first drafts, and runs once for each sample. If a
    `teacher` is given, it replaces the policy for the redrafts. Each turn draws `branches` redrafts in one call. The
    redraft with the best grade continues, and the others get the role `search`.

    With `pick=last`, the answer is the last draft with the highest grade. Without a grader it is the winner of a vote
    among the last drafts. With `pick=best`, it is the draft with the highest grade of all turns. With `pick=majority`,
    it is the most frequent answer of all drafts of all turns. If the pick is a draft of an earlier turn, the trajectory
    up to that draft is returned in addition to the whole trajectories, with the role `search`. If a call failed and no
    other draft has an answer, the last draft before the failure is returned in the same way. Raises PartError for
    counts below 1, and if a grader is needed and none is given.

    Args:
        samples: The number of first drafts, each of which is corrected on its own.
        turns: The maximum number of drafts of a trajectory, including the first.
        branches: The number of redrafts that a turn draws; the one with the best grade continues.
        threshold: The grade, in the grader's unit, at which a draft is good enough; `none` means no such grade.
        agree: Whether two successive drafts with the same answer end a trajectory.
        pick: How the answer is chosen: the `last` draft with the best grade, or by a vote if there is no grader; the
            `best` graded draft of all turns; or the `majority` of all drafts.
    """
    at_least_one(samples=samples, turns=turns, branches=branches)
    wants = {"pick='best'": pick == "best", f"{branches=}": branches > 1, f"{threshold=}": threshold is not None}
    _require_grader(grader, [name for name, wanted in wants.items() if wanted])
    limits = DraftLimits(turns, threshold, agree)

    async def propose(state: State, runtime: TreeRuntime) -> Command[Literal["grade", "critique", "revise", "choose"]]:
        tree = runtime.context
        await first_drafts(tree, policy, draft, samples)
        return drafted(tree, {"asked": samples, "turn": 1, "open": list(tree.trajectories)})

    async def grade(state: State, runtime: TreeRuntime) -> Command[Literal["critique", "revise", "choose"]]:
        tree, opened = runtime.context, state.get("open", [])
        if grader:
            await tree.judge(grader, [sample for sample in opened if sample not in tree.siblings])
            await keep_best_siblings(tree, grader, [sample for sample in opened if sample in tree.siblings])
        return ended(tree, state)

    async def critique(state: State, runtime: TreeRuntime) -> Command[Literal["revise", "choose"]]:
        seen = await gather(
            apply_critic(critic, trajectory) for trajectory in _open_trajectories(runtime.context, state)
        )
        runtime.context.keep(seen)
        left = _answered_samples(seen)
        return Command(update={"open": left}, goto="revise" if left else "choose")

    async def revise(state: State, runtime: TreeRuntime) -> Command[Literal["grade", "critique", "revise", "choose"]]:
        tree, before = runtime.context, _open_trajectories(runtime.context, state)
        taken = await next_turns(teacher or policy, feedback, before, branches)
        tree.keep(turn.trajectory for turn in taken)
        tree.siblings |= {turn.trajectory.sample: list(turn.siblings) for turn in taken if turn.siblings}
        tree.others += [turn.lost for turn in taken if turn.lost]
        new = (
            turn.siblings or turn.trajectory.turn > trajectory.turn
            for turn, trajectory in zip(taken, before, strict=True)
        )
        again = [turn.trajectory.sample for turn, more in zip(taken, new, strict=True) if more]
        return drafted(tree, {"open": again, "turn": state.get("turn", 1) + 1})

    async def choose(state: State, runtime: TreeRuntime) -> State:
        return runtime.context.choose(PICKS[pick](runtime.context))

    def drafted(tree: Tree, state: State) -> Command[Any]:
        """Returns the next node after new drafts. It is the node that grades them if a grader is needed; otherwise it
        is skipped, because a step of the graph takes as much time as a grade."""
        return Command(update=state, goto="grade") if grader and state.get("open") else ended(tree, state)

    def ended(tree: Tree, state: State) -> Command[Any]:
        """Returns the next node after drafts that are graded or need no grade. Drafts that a limit has ended are not
        changed."""
        turn = state.get("turn", 1)
        trajectories = [limits.ended(trajectory, turn) for trajectory in _open_trajectories(tree, state)]
        tree.keep(trajectories)
        notify(watch, trajectories)
        left = _answered_samples(trajectories)
        on = "revise" if critic is go_on else "critique"
        return Command(update={**state, "open": left}, goto=on if left and turn < turns else "choose")

    graph = StateGraph(State, context_schema=Tree)
    for node in (propose, grade, critique, revise, choose):  # return types list each node's successors
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "propose")
    graph.add_edge("choose", END)
    return GraphAgent(graph.compile(name="correct"), limit=3 * turns + 3)


def _open_trajectories(tree: Tree, state: State) -> list[Trajectory]:
    return tree.at(state.get("open", []))


def _answered_samples(trajectories: Iterable[Trajectory]) -> list[int]:
    """Returns the numbers of the samples whose drafts ended by themselves."""
    return [trajectory.sample for trajectory in trajectories if trajectory.stop is Stop.ANSWERED]


def _require_grader(grader: Grader | None, wishes: Sequence[str]) -> None:
    """Raises PartError if there is no grader and `wishes` is not empty. The message names the first setting in
    `wishes`."""
    if wishes and grader is None:
        raise PartError(f"{wishes[0]} of strategy 'correct' needs a grader, as in grader='likelihood'")
