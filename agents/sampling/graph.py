"""The parts that the graphs of all sampling strategies share: the state, the tree, and the agent that runs the graph.

A graph's state contains only numbers, so the cost of a step does not depend on the size of the tree. The tree is
LangGraph's runtime context. The nodes have the same names in every graph: propose, grade, critique, choose, revise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from msgspec.structs import replace

from redraft.agents.agent import Watch
from redraft.agents.sampling.graph_runner import run
from redraft.graders.grader import Grader
from redraft.graders.selectors import Selection
from redraft.store.errors import PartError
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Trajectory


class State(TypedDict, total=False):
    """The state of a graph."""

    asked: int  # the number of samples requested so far
    turn: int  # the highest number of drafts that a sample has had
    open: list[int]  # the numbers of the samples that continue
    chosen: str | None  # the trajectory_id of the pick


@dataclass(slots=True)
class Tree:
    """The explored trajectories of one question."""

    question: Question
    trajectories: dict[int, Trajectory] = field(default_factory=dict)  # the trajectory of each sample, by its number
    siblings: dict[int, list[Trajectory]] = field(default_factory=dict)  # by sample: drafts from which one will be kept
    others: list[Trajectory] = field(default_factory=list)  # other explored trajectories
    graded: list[tuple[Trajectory, Grade]] = field(default_factory=list)  # every draft, as it was when it was graded
    ranked: list[Trajectory] = field(default_factory=list)  # the result

    def at(self, samples: Iterable[int]) -> list[Trajectory]:
        """Returns the trajectories of these samples. Raises PartError if the tree does not contain them. A thread can
        only continue with its own tree."""
        try:
            return [self.trajectories[sample] for sample in samples]
        except KeyError:
            raise PartError(
                "this Tree is not the one of the thread: pass the Tree that it was begun with as context, or begin the"
                " thread again"
            ) from None

    def keep(self, trajectories: Iterable[Trajectory]) -> None:
        """Stores these trajectories, each in place of the earlier trajectory of its sample."""
        self.trajectories |= {trajectory.sample: trajectory for trajectory in trajectories}

    async def judge(self, grader: Grader, samples: Iterable[int]) -> None:
        """Grades the drafts of these samples. The value of a grade becomes the score of its draft."""
        scored = await grade_trajectories(grader, [self.trajectories[sample] for sample in samples])
        self.keep(trajectory for trajectory, _ in scored)
        self.graded += scored

    def choose(self, chosen: Trajectory | None) -> State:
        """Ends the run with `chosen` as the answer. Sorts all explored trajectories into `ranked`: the chosen one
        first, then the others by score."""
        explored = (*self.trajectories.values(), *self.others)
        rest = [trajectory for trajectory in explored if not chosen or trajectory.trajectory_id != chosen.trajectory_id]
        rest.sort(key=lambda trajectory: (trajectory.score is None, -(trajectory.score or 0.0), trajectory.sample))
        pick = [] if chosen is None else [replace(chosen, chosen=True)]
        self.ranked = [*pick, *rest]
        return {"chosen": None if chosen is None else chosen.trajectory_id}


TreeRuntime = Runtime[Tree]
Graph = CompiledStateGraph[State, Tree, Any, Any]


@dataclass(frozen=True, slots=True)
class GraphAgent:
    """An Agent that runs a LangGraph graph. `limit` is the maximum number of steps of the graph, including the last."""

    graph: Graph
    limit: int

    async def __call__(self, question: Question) -> list[Trajectory]:
        """Returns the ranked trajectories. Raises only fatal ModelErrors."""
        tree = Tree(question)
        await run(self.graph, tree, self.limit)
        return tree.ranked


async def grade_trajectories(grader: Grader, trajectories: Sequence[Trajectory]) -> list[tuple[Trajectory, Grade]]:
    """Returns pairs of a trajectory and the grade of its last draft. The trajectory contains the grade, and its score
    is the grade's value."""
    grades = await grader(trajectories)
    return [
        (replace(trajectory, score=grade.value, grades=(*trajectory.grades, grade)), grade)
        for trajectory, grade in zip(trajectories, grades, strict=True)
    ]


def notify(watch: Watch | None, trajectories: Iterable[Trajectory]) -> None:
    """Calls the observer with each of these trajectories."""
    if watch:
        for trajectory in trajectories:
            watch(trajectory)


def selected_trajectory(selection: Selection, trajectories: Sequence[Trajectory]) -> Trajectory | None:
    """Returns the trajectory whose answer a selector chose. Returns None if the selector chose none."""
    return None if selection.index is None else trajectories[selection.index]
