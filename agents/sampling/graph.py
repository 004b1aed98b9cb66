"""What every strategy's graph shares: the state, the tree that travels beside it, and the agent that runs it.

A graph's state holds numbers only, so that a step of it costs the same however large the tree grows; the tree is
LangGraph's runtime context. Nodes carry the same names in every graph: propose, grade, critique, choose, revise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from redraft.agents.agent import Watch
from redraft.agents.sampling.graph_runner import run
from redraft.graders.grader import Grader
from redraft.graders.selectors import Selection
from redraft.store.errors import PartError
from redraft.store.records import Grade, Question, Trajectory


class State(TypedDict, total=False):
    """How far a graph is."""

    asked: int  # samples asked for so far
    turn: int  # drafts a sample has had, at most
    open: list[int]  # samples that go on
    chosen: str | None  # the trajectory_id of the pick


@dataclass(slots=True)
class Tree:
    """What a graph has explored of one question."""

    question: Question
    paths: dict[int, Trajectory] = field(default_factory=dict)  # each sample's, by its number
    siblings: dict[int, list[Trajectory]] = field(default_factory=dict)  # drafts of which one goes on, by their sample
    others: list[Trajectory] = field(default_factory=list)  # what was explored beside the samples' paths
    graded: list[tuple[Trajectory, Grade]] = field(default_factory=list)  # every draft, as it was when it was graded
    ranked: list[Trajectory] = field(default_factory=list)  # the result

    def at(self, samples: Iterable[int]) -> list[Trajectory]:
        """The paths of these samples. Raises PartError where they are not here: a thread goes on with its own tree."""
        try:
            return [self.paths[sample] for sample in samples]
        except KeyError:
            raise PartError(
                "this Tree is not the one of the thread: pass the Tree that it was begun with as context, or begin the"
                " thread again"
            ) from None

    def keep(self, paths: Iterable[Trajectory]) -> None:
        """Put these in the place of their samples' earlier paths."""
        self.paths |= {path.sample: path for path in paths}

    async def judge(self, grader: Grader, samples: Iterable[int]) -> None:
        """Grade the drafts of these samples: the grade's value is their score."""
        scored = await judged(grader, [self.paths[sample] for sample in samples])
        self.keep(path for path, _ in scored)
        self.graded += scored

    def choose(self, chosen: Trajectory | None) -> State:
        """End with this pick: everything explored is ranked, the pick first, then by score."""
        explored = (*self.paths.values(), *self.others)
        rest = [path for path in explored if not chosen or path.trajectory_id != chosen.trajectory_id]
        rest.sort(key=lambda path: (path.score is None, -(path.score or 0.0), path.sample))
        pick = [] if chosen is None else [replace(chosen, chosen=True)]
        self.ranked = [*pick, *rest]
        return {"chosen": None if chosen is None else chosen.trajectory_id}


Work = Runtime[Tree]
Graph = CompiledStateGraph[State, Tree, Any, Any]


@dataclass(frozen=True, slots=True)
class GraphAgent:
    """An Agent that runs a LangGraph graph. `limit` is the most steps that the graph may take, its last included."""

    graph: Graph
    limit: int

    async def __call__(self, question: Question) -> list[Trajectory]:
        """Raises fatal ModelErrors only."""
        tree = Tree(question)
        await run(self.graph, tree, self.limit)
        return tree.ranked


async def judged(grader: Grader, paths: Sequence[Trajectory]) -> list[tuple[Trajectory, Grade]]:
    """The paths with their drafts' grades, whose values are their scores, each beside its grade."""
    grades = await grader(paths)
    return [
        (replace(path, score=grade.value, grades=(*path.grades, grade)), grade)
        for path, grade in zip(paths, grades, strict=True)
    ]


def show(watch: Watch | None, paths: Iterable[Trajectory]) -> None:
    """Tell whoever watches of these paths' new drafts."""
    if watch:
        for path in paths:
            watch(path)


def selected(selection: Selection, paths: Sequence[Trajectory]) -> Trajectory | None:
    """The path that stands for a selector's answer, if it has one."""
    return None if selection.index is None else paths[selection.index]
