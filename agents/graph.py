"""What every strategy's graph shares: the state, the tree that travels beside it, and the agent that runs it.

A graph's state holds numbers only, so that a step of it costs the same however large the tree grows; the tree is
LangGraph's runtime context. Nodes carry the same names in every graph: propose, grade, critique, choose, revise.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from redraft.agents.agent import Watch
from redraft.graders.grader import Grader
from redraft.store.records import Question, Stop, Trajectory


class State(TypedDict, total=False):
    """How far a graph is."""

    asked: int  # samples asked for so far
    turn: int  # drafts a sample has had, at most
    open: list[int]  # samples that go on
    chosen: str | None  # the trajectory_id of the pick


@dataclass(slots=True)
class Tree:
    """What a graph has explored of one question: the path of each sample, by number."""

    question: Question
    paths: dict[int, Trajectory] = field(default_factory=dict)
    drafts: list[Trajectory] = field(default_factory=list)  # the paths at each graded draft, where turns are kept
    ranked: list[Trajectory] = field(default_factory=list)

    def __post_init__(self) -> None:
        if isinstance(self.question, Mapping):  # as JSON, from Studio
            self.question = Question(**self.question)

    def keep(self, paths: Sequence[Trajectory]) -> None:
        """Put these in the place of their samples' earlier paths."""
        self.paths |= {path.sample: path for path in paths}

    def choose(self, chosen: Trajectory | None) -> State:
        """End with this pick: everything explored is ranked, the pick first, then by score."""
        rest = [path for path in self.paths.values() if path != chosen]
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
        await self.graph.ainvoke({"asked": 0}, {"recursion_limit": self.limit}, context=tree)
        return tree.ranked


def show(watch: Watch | None, paths: Iterable[Trajectory]) -> None:
    """Tell whoever watches of these paths' new drafts."""
    if watch:
        for path in paths:
            watch(path)


async def judge(grader: Grader | None, paths: Sequence[Trajectory], watch: Watch | None = None) -> list[Trajectory]:
    """The paths with what the grader gives their drafts; a draft that failed has no score."""
    alive = [path for path in paths if path.stop is not Stop.FAILED]
    grades = await grader(alive) if grader and alive else []
    values = {path.sample: grade.value for path, grade in zip(alive, grades, strict=bool(grades))}
    scored = [replace(path, score=values.get(path.sample)) for path in paths]
    show(watch, scored)
    return scored


def best(paths: Iterable[Trajectory]) -> Trajectory | None:
    """The highest scored of the paths that have an answer, the first of equals; None where none has a score."""
    answered = (path for path in paths if path.answer is not None and path.score is not None)
    return max(answered, key=lambda path: path.score or 0.0, default=None)
