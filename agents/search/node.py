"""A node of a search: a trajectory with the search's estimates of it, and the reading of its grades."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from redraft.agents.critics.critic import Critique
from redraft.graders.likelihood import NAMES as LOGARITHMS
from redraft.store.trajectory import Grade, Step, Stop, Trajectory


@dataclass(slots=True, eq=False)
class Node:
    """A continuation, at the end of `trajectory`. `value` is the search's present estimate of it, in [0, 1]; `grade` is
    the grader's. A node is `closed` if nothing is left to do at it or below it."""

    trajectory: Trajectory
    parent: "Node | None" = None
    index: int = 0  # in its search's `nodes`
    number: int = 0  # among all that hang at its place, rollouts too, from 0
    depth: int = 0  # of the root
    children: list["Node"] = field(default_factory=list)
    value: float | None = None  # None if it is not known
    prior: float = 1.0  # how probable the policy found it among its siblings
    visits: int = 0
    total: float = 0.0  # of the values that its visits brought
    pending: int = 0  # visits that are under way: each counts as a loss until it is over
    drawn: int = 0  # continuations of it that the policy was asked for, rollouts too: the number of the next one
    closed: bool = False
    grade: Grade | None = None
    critique: Critique | None = None
    criticised: bool = False
    critic_grades: tuple[Grade, ...] = ()  # the critic's opinions

    @property
    def ended(self) -> bool:
        """Whether nothing can follow it: it has ended, or came to nothing."""
        return self.trajectory.stop is not None

    @property
    def answered(self) -> bool:
        """Whether it has ended in an answer."""
        return self.ended and self.trajectory.stop is not Stop.FAILED and bool((self.trajectory.answer or "").strip())

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that it adds to its parent's trajectory."""
        return self.trajectory.steps[len(self.parent.trajectory.steps) if self.parent else 0 :]

    @property
    def text(self) -> str:
        return "".join(step.text for step in self.steps)

    @property
    def logprob(self) -> float | None:
        """The log-probability of its added steps; None if any of them has none."""
        known = [step.logprob for step in self.steps]
        return None if None in known else sum(logprob for logprob in known if logprob is not None)

    def lineage(self) -> Iterator["Node"]:
        """The node, its parent, and so on to the root."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def own_steps(self) -> tuple[Step, ...]:
        """Its added steps with its visits, and its value on the last of them."""
        *first, last = self.steps or (None,)
        if last is None:
            return ()
        seen = self.visits
        return (*(replace(step, visits=seen) for step in first if step), replace(last, value=self.value, visits=seen))

    def advised_trajectory(self) -> Trajectory:
        """Its trajectory, with its critic's advice for the next part."""
        advice = self.critique.advice if self.critique else ""
        return self.trajectory if self.trajectory.advice == advice else replace(self.trajectory, advice=advice)

    def scored_trajectory(self) -> Trajectory:
        """Its trajectory, with its value as the score and on its own steps."""
        before = self.trajectory.steps[: len(self.trajectory.steps) - len(self.steps)]
        return replace(self.trajectory, score=self.value, steps=(*before, *self.own_steps()))

    def end(self, stop: Stop, reason: str) -> None:
        """Ends its trajectory for this reason."""
        self.trajectory = replace(self.trajectory, stop=stop, reason=reason)

    def back_up(self, value: float) -> None:
        """Counts one more visit with this value, here and above; values become the means over visits."""
        for node in self.lineage():
            node.visits += 1
            node.total += value
            node.value = node.total / node.visits

    def close(self) -> None:
        """Closes it, and each ancestor whose children are all closed."""
        node: Node | None = self
        while node and (node is self or all(child.closed for child in node.children)):
            node.closed = True
            node = node.parent


def probability(grade: Grade, *, last: bool = False) -> float | None:
    """A grade as a number in [0, 1]: its value, or its `last` step's if there is one; the exponential of a
    log-probability. None if it has no value, or a number outside."""
    value = grade.steps[-1] if last and grade.steps else grade.value
    if value is None:
        return None
    if grade.grader in LOGARITHMS:
        value = math.exp(min(value, 0.0)) if not math.isnan(value) else value
    return value if 0.0 <= value <= 1.0 else None


def recorded_grade(grade: Grade, trajectory: Trajectory) -> Grade:
    """The grade as it is stored with a trajectory: for an open trajectory, the last step only. If a search took no
    value from it, it has the reason."""
    if grade.value is not None and probability(grade) is None:
        said = f"a search needs values from 0 to 1, and {grade.grader!r} gave {grade.value:g}"
        grade = replace(grade, value=None, steps=(), details=(), reason=said)
    if trajectory.stop is not None or not trajectory.steps:
        return grade
    value = grade.steps[-1] if grade.steps else grade.value
    return replace(grade, value=value, steps=(), details=grade.details[-1:], step_id=trajectory.steps[-1].step_id)


def end_duplicates(parent: Node, children: Sequence[Node]) -> None:
    """Ends the open nodes among a node's new children that repeat a sibling's text or a step of the draft."""
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
    """Backs each node's value up to the root, in order; closes the nodes that have ended or have no value."""
    for node in nodes:
        if node.value is not None:
            node.back_up(node.value)
        if node.value is None or node.ended:
            node.close()
