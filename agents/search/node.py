"""A node of a search: a trajectory with the search's estimates. Also has the functions that read values from grades."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from redraft.agents.critics.critic import Critique
from redraft.graders.likelihood import NAMES as LOGARITHMS
from redraft.store.trajectory import Grade, Step, Stop, Trajectory


@dataclass(slots=True, eq=False)
class Node:
    """A node of the tree: the last steps of `trajectory` are the node's own. `value` is the search's current estimate,
    in [0, 1]; `grade` is the grader's judgement. A node is `closed` if nothing is left to expand at the node or below
    it."""

    trajectory: Trajectory
    parent: "Node | None" = None
    index: int = 0  # the index in the search's `nodes`
    number: int = 0  # the index among its siblings, rollouts included, from 0
    depth: int = 0  # 0 for the root
    children: list["Node"] = field(default_factory=list)
    value: float | None = None  # None if unknown
    prior: float = 1.0  # the policy's probability of this node, relative to its siblings
    visits: int = 0
    total: float = 0.0  # the sum of the values of its visits
    pending: int = 0  # visits in progress; each counts as a loss until it ends
    drawn: int = 0  # continuations requested so far, rollouts included
    closed: bool = False
    grade: Grade | None = None
    critique: Critique | None = None
    criticised: bool = False
    critic_grades: tuple[Grade, ...] = ()  # the critic's opinions

    @property
    def ended(self) -> bool:
        """True if the node cannot be continued: its trajectory has ended, or its call added no text."""
        return self.trajectory.stop is not None

    @property
    def answered(self) -> bool:
        """True if the trajectory has ended in an answer."""
        return self.ended and self.trajectory.stop is not Stop.FAILED and bool((self.trajectory.answer or "").strip())

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that the node adds to its parent's trajectory."""
        return self.trajectory.steps[len(self.parent.trajectory.steps) if self.parent else 0 :]

    @property
    def text(self) -> str:
        return "".join(step.text for step in self.steps)

    @property
    def logprob(self) -> float | None:
        """The log-probability of the added steps; None if it is unknown for any of them."""
        known = [step.logprob for step in self.steps]
        return None if None in known else sum(logprob for logprob in known if logprob is not None)

    def lineage(self) -> Iterator["Node"]:
        """Yields the node, its parent, and so on to the root."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def own_steps(self) -> tuple[Step, ...]:
        """Returns the added steps with the node's visits; the last step has the node's value."""
        *first, last = self.steps or (None,)
        if last is None:
            return ()
        seen = self.visits
        return (*(replace(step, visits=seen) for step in first if step), replace(last, value=self.value, visits=seen))

    def advised_trajectory(self) -> Trajectory:
        """Returns the trajectory with the critic's advice for the next part."""
        advice = self.critique.advice if self.critique else ""
        return self.trajectory if self.trajectory.advice == advice else replace(self.trajectory, advice=advice)

    def scored_trajectory(self) -> Trajectory:
        """Returns the trajectory with the node's value as its score; the added steps have the node's value and
        visits."""
        before = self.trajectory.steps[: len(self.trajectory.steps) - len(self.steps)]
        return replace(self.trajectory, score=self.value, steps=(*before, *self.own_steps()))

    def end(self, stop: Stop, reason: str) -> None:
        """Ends the trajectory with this `stop` and `reason`."""
        self.trajectory = replace(self.trajectory, stop=stop, reason=reason)

    def back_up(self, value: float) -> None:
        """Adds a visit with this value to the node and its ancestors. The value of each becomes the mean over its
        visits."""
        for node in self.lineage():
            node.visits += 1
            node.total += value
            node.value = node.total / node.visits

    def close(self) -> None:
        """Closes the node, and each ancestor whose children are all closed."""
        node: Node | None = self
        while node and (node is self or all(child.closed for child in node.children)):
            node.closed = True
            node = node.parent


def probability(grade: Grade, *, last: bool = False) -> float | None:
    """Returns a grade as a number in [0, 1]: its value, or with `last` the value of the last step if there is one. A
    log-probability is converted to a probability. Returns None if the grade has no value, or if the result is outside
    [0, 1]."""
    value = grade.steps[-1] if last and grade.steps else grade.value
    if value is None:
        return None
    if grade.grader in LOGARITHMS:
        value = math.exp(min(value, 0.0)) if not math.isnan(value) else value
    return value if 0.0 <= value <= 1.0 else None


def recorded_grade(grade: Grade, trajectory: Trajectory) -> Grade:
    """Returns the grade as it is stored with a trajectory. For an open trajectory this is only the grade of the last
    step. If the search can't use the grade's value, the stored grade has the reason."""
    if grade.value is not None and probability(grade) is None:
        said = f"a search needs values from 0 to 1, and {grade.grader!r} gave {grade.value:g}"
        grade = replace(grade, value=None, steps=(), details=(), reason=said)
    if trajectory.stop is not None or not trajectory.steps:
        return grade
    value = grade.steps[-1] if grade.steps else grade.value
    return replace(grade, value=value, steps=(), details=grade.details[-1:], step_id=trajectory.steps[-1].step_id)


def end_duplicates(parent: Node, children: Sequence[Node]) -> None:
    """Ends those open nodes among a node's new children that repeat a sibling's text or a step of the draft."""
    said = {step.text.strip() for step in parent.trajectory.draft()}
    new, first = set(children), {}
    for child in parent.children:
        twin: Node = first.setdefault(child.trajectory.steps[-1].prefix_key, child)
        if child.ended or child not in new:
            continue
        if twin is not child:
            child.end(Stop.DEAD_END, f"It says the same as its sibling {twin.number}.")
        elif child.text.strip() in said:
            child.end(Stop.DEAD_END, "It repeats a step.")


def back_up_all(nodes: Sequence[Node]) -> None:
    """Backs up each node's value to its ancestors, in order. Closes the nodes that have ended or have no value."""
    for node in nodes:
        if node.value is not None:
            node.back_up(node.value)
        if node.value is None or node.ended:
            node.close()
