"""The common parts of all searches over steps: the tree, the token counts, and the agent that runs the graph.

A `Search` is LangGraph's runtime context; the graph's state contains only numbers. The time to add a node does not
depend on the number of nodes: a node shares its parent's steps, and each method reads only a node, its children and its
ancestors. `explored_trajectories` reads every node once, at the end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from msgspec.structs import replace

from redraft.agents.agent import Watch
from redraft.agents.critics.critic import CRITIC, Critic, Critique, critique_grade, go_on
from redraft.agents.policies.policy import Policy
from redraft.agents.sampling.graph import State
from redraft.agents.sampling.graph_runner import run
from redraft.agents.search.node import Node, end_duplicates, probability, recorded_grade
from redraft.agents.search.trajectories import explored_trajectories
from redraft.graders.grader import Grader
from redraft.llm.gather import gather
from redraft.llm.model import ModelError
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Role, Stop, Trajectory


class SearchState(State, total=False):
    """The progress of a search: `asked` counts the iterations, and `open` has the indices of the current nodes."""

    done: bool  # True if the search is to end


PATIENCE = 3  # how many failed rounds in a row end the search

Priority = tuple[float, ...]
"""The priority of a node in a queue: the node with the lowest number is taken first."""


@dataclass(slots=True)
class Search:
    """The tree of one question. `nodes` are in the order of their creation, and the root is first."""

    question: Question
    nodes: list[Node] = field(default_factory=list)
    rollouts: list[Trajectory] = field(default_factory=list)  # trajectories that estimate values, outside the tree
    lost: dict[str, Trajectory] = field(default_factory=dict)  # by `Trajectory.place`: calls that added no text
    samples: int = 0  # continuations requested from the policy
    tokens: int = 0  # tokens of all texts by the policy; each step counts once
    graded: int = 0  # the number of trajectories that the grader was asked about
    critiques: int = 0  # the number of nodes that the critic was asked about
    spent: bool = False  # whether a budget did not suffice for the last call
    failures: int = 0  # the number of successive rounds in which every call failed
    queue: list[tuple[Priority, int]] = field(default_factory=list)  # a heap of waiting nodes, each by its index
    ranked: list[Trajectory] = field(default_factory=list)  # the result
    _known: dict[tuple[str, Stop | None], Grade] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.nodes:
            self.nodes.append(Node(Trajectory(self.question, role=Role.SEARCH)))

    @property
    def root(self) -> Node:
        return self.nodes[0]

    async def expand(self, policy: Policy, node: Node, n: int, *, distinct: bool = True) -> list[Node]:
        """Asks the policy, in one call, for `n` continuations of a node. Returns the new children of the node, in
        order.

        A continuation without a step makes no child. If no continuation has a step, the node itself ends, and its
        `stop` is that of the continuations (failed, dead end, budget, length). With `distinct`, an open child is a dead
        end if it repeats a sibling's text or a step of its own draft. The policy sees the critic's advice, but the
        advice is not part of the text.
        """
        [children] = await self.expand_all(policy, [node], n, distinct=distinct)
        return children

    async def expand_all(
        self, policy: Policy, nodes: Sequence[Node], n: int | Sequence[int], *, distinct: bool = True
    ) -> list[list[Node]]:
        """Expands several nodes concurrently, with one call each. `n` is the number of continuations of each node, or a
        list with one number for each. Returns the new children of each node. The result does not depend on the order in
        which calls end."""
        asked = [node.advised_trajectory() for node in nodes]
        each = [n] * len(nodes) if isinstance(n, int) else n
        jobs = (self._drawn(policy, *job, job[0].drawn) for job in zip(nodes, asked, each, strict=True))
        return [self._grown(node, drawn, distinct) for node, drawn in zip(nodes, await gather(jobs), strict=True)]

    async def roll(self, policy: Policy, node: Node, n: int, trajectory: Trajectory | None = None) -> list[Trajectory]:
        """Draws `n` continuations of a node, or of a rollout's `trajectory` below the node. The rollouts have the role
        ROLLOUT and are not part of the tree.

        Returns the continuations that add a step. The caller appends a continuation to `rollouts` if no further rollout
        continues it.
        """
        advice = node.critique.advice if node.critique else ""
        base = trajectory or replace(node.trajectory, role=Role.ROLLOUT, score=None, grades=(), advice=advice)
        drawn = await self._drawn(policy, node, base, n, node.drawn if trajectory is None else 0)
        return [one for one in drawn if len(one.steps) > len(base.steps)]

    async def value(self, grader: Grader, nodes: Sequence[Node], *, last: bool = False) -> None:
        """Grades these nodes' trajectories, finished or not, in one call of the grader, and sets their `value`, in [0,
        1].

        The value is the value of the grade, or, with `last`, the value of the last step if the grader returns one. A
        log-probability, such as the mean over tokens by `likelihood`, becomes the probability exp(value). After a
        failure, or for a number outside [0, 1], `value` is None, and the stored grade has the reason. Trajectories with
        equal texts are graded once.
        """
        grades = await self.grade(grader, [node.trajectory for node in nodes])
        for node, grade in zip(nodes, grades, strict=True):
            node.value, node.grade = probability(grade, last=last), recorded_grade(grade, node.trajectory)

    async def grade(self, grader: Grader, trajectories: Sequence[Trajectory]) -> list[Grade]:
        """Returns the grades of the trajectories, in one call of the grader. Trajectories with equal texts are graded
        once."""
        new = {
            _grade_key(trajectory): trajectory
            for trajectory in reversed(trajectories)
            if _grade_key(trajectory) not in self._known
        }
        asked = [trajectory for trajectory in trajectories if new.get(_grade_key(trajectory)) is trajectory]
        if asked:
            self._known |= zip(map(_grade_key, asked), await grader(asked), strict=True)
            self.graded += len(asked)
        known = [(self._known[_grade_key(trajectory)], trajectory.trajectory_id) for trajectory in trajectories]
        return [grade if grade.trajectory_id == name else replace(grade, trajectory_id=name) for grade, name in known]

    async def critique(self, critic: Critic, node: Node) -> Critique | None:
        """Returns the critic's critique of a node. The critic is asked only once about each node. Returns None if the
        critic's call failed, because a failed call is no opinion.

        Critic `none` is not asked. The opinion is stored as a grade without a value: `right` for finished, `wrong` for
        hopeless, `undecided` for go on. Raises fatal ModelErrors.
        """
        if critic is not go_on and not node.criticised:
            self.critiques += 1
            node.criticised = True
            node.critique, grade = await ask_critic(critic, node.trajectory)
            node.critic_grades = (grade,)
        return node.critique

    def stuck(self, expanded: Sequence[Node]) -> bool:
        """Returns True if every call of the last PATIENCE rounds failed. `expanded` are the nodes of the latest
        round."""
        self.failures = self.failures + 1 if all(node.trajectory.stop is Stop.FAILED for node in expanded) else 0
        return self.failures >= PATIENCE

    def open_nodes(self, state: State) -> list[Node]:
        """Returns the current nodes of a graph's state."""
        return [self.nodes[index] for index in state.get("open", [])]

    def end(self, chosen: Node | None) -> SearchState:
        """Ends the search with this node as the answer. `ranked` becomes the list of all explored trajectories."""
        self.ranked = explored_trajectories(self.nodes, self.rollouts, self.lost, chosen)
        return {"chosen": chosen.trajectory.trajectory_id if chosen else None}

    async def _drawn(self, policy: Policy, node: Node, trajectory: Trajectory, n: int, first: int) -> list[Trajectory]:
        """Draws `n` continuations, numbered from `first`, and counts them and their tokens. Continuations that add no
        text are recorded in `lost`."""
        if trajectory.steps == node.trajectory.steps:
            node.drawn += n
        drawn = [replace(one, advice="") if one.advice else one for one in await policy(trajectory, n, first)]
        self.samples += n
        for one in drawn:
            self.tokens += sum(step.tokens for step in one.steps[len(trajectory.steps) :])
            self.spent = self.spent or one.stop is Stop.BUDGET
        nothing = [one for one in drawn if len(one.steps) == len(trajectory.steps)]
        if nothing:
            before = [self.lost[trajectory.place]] if trajectory.place in self.lost else []
            self.lost[trajectory.place] = _main_cause([*before, *nothing])
        return drawn

    def _grown(self, node: Node, drawn: Sequence[Trajectory], distinct: bool) -> list[Node]:
        new = [trajectory for trajectory in drawn if len(trajectory.steps) > len(node.trajectory.steps)]
        if not new and not node.children:
            end = _main_cause(drawn)
            node.trajectory = replace(node.trajectory, stop=end.stop or Stop.DEAD_END, reason=end.reason)
        children = [self._child(node, trajectory) for trajectory in new]
        if distinct:
            end_duplicates(node, children)
        return children

    def _child(self, node: Node, trajectory: Trajectory) -> Node:
        first = trajectory.steps[len(node.trajectory.steps)].step_id
        number = int(first.removeprefix(node.trajectory.place).lstrip("."))
        child = Node(trajectory, node, index=len(self.nodes), number=number, depth=node.depth + 1)
        node.children.append(child)
        self.nodes.append(child)
        return child


async def ask_critic(critic: Critic, trajectory: Trajectory) -> tuple[Critique | None, Grade]:
    """Returns a pair: a critic's critique of a trajectory, or None if the call failed, and the opinion as a grade of
    the last step. Raises only fatal ModelErrors."""
    place = trajectory.steps[-1].step_id if trajectory.steps else None
    try:
        critique = await critic(trajectory)
    except ModelError as error:
        if error.fatal:
            raise
        return None, Grade(CRITIC, trajectory.trajectory_id, trajectory.turn, reason=f"failed: {error}", step_id=place)
    return critique, critique_grade(critique, trajectory)


SearchRuntime = Runtime[Search]


@dataclass(frozen=True, slots=True)
class SearchAgent:
    """An Agent that runs a LangGraph graph over a Search. `limit` is the maximum number of steps of the graph."""

    graph: CompiledStateGraph[SearchState, Search, Any, Any]
    limit: int

    async def __call__(self, question: Question) -> list[Trajectory]:
        """Returns the ranked trajectories. Raises fatal ModelErrors only."""
        search = Search(question)
        await run(self.graph, search, self.limit)
        return search.ranked


def notify(watch: Watch | None, nodes: Iterable[Node]) -> None:
    """Calls the observer with the trajectory of each of these nodes."""
    if watch:
        for node in nodes:
            watch(node.scored_trajectory())


def _grade_key(trajectory: Trajectory) -> tuple[str, Stop | None]:
    """Returns the key by which grades of trajectories are shared: the text, and the stop."""
    return (trajectory.steps[-1].prefix_key if trajectory.steps else "", trajectory.stop)


def _main_cause(trajectories: Sequence[Trajectory]) -> Trajectory:
    """Returns the trajectory with the most important cause, among trajectories whose calls added no text: a failed call
    if there is one, otherwise a budget that was used up, otherwise the first trajectory."""
    for stop in (Stop.FAILED, Stop.BUDGET):
        found = next((trajectory for trajectory in trajectories if trajectory.stop is stop), None)
        if found:
            return found
    return trajectories[0]
