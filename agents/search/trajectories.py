"""Converts everything that a search explored to trajectories."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from redraft.agents.search.node import Node
from redraft.store.trajectory import Grade, Role, Step, Stop, Trajectory


def explored_trajectories(
    nodes: Sequence[Node], rollouts: Iterable[Trajectory], lost: Mapping[str, Trajectory], chosen: Node | None = None
) -> list[Trajectory]:
    """Returns a trajectory for each leaf, with the role SEARCH, best first, and then the rollouts. All ids differ.

    The chosen trajectory comes first, then trajectories with an answer by their values, then the others. In `nodes`,
    parents must come before their children. In every trajectory, the last step of a node has the node's value and
    visits. Only the trajectory of the first leaf below a node has the node's grades. For each position in the tree, at
    most one continuation without text is returned.
    """
    steps = _steps_by_node(nodes)
    leaves = [node for node in nodes if not node.children or node is chosen]
    said = _grades_by_leaf(leaves)
    ranked = sorted(leaves, key=lambda node: _rank(node, chosen))
    whole = [_leaf_trajectory(node, steps[node], said[node], lost, node is chosen) for node in ranked]
    thrown = [trajectory for node in nodes if node.grade for trajectory in node.grade.rollouts]
    return _distinct(
        [*whole, *_lost_trajectories(lost, steps, nodes), *_rollout_trajectories([*rollouts, *thrown], nodes, steps)]
    )


def _steps_by_node(nodes: Sequence[Node]) -> dict[Node, tuple[Step, ...]]:
    """Returns the steps of each node's trajectory; each step has the visits and value of its node."""
    steps: dict[Node, tuple[Step, ...]] = {}
    for node in nodes:
        steps[node] = (*(steps[node.parent] if node.parent else ()), *node.own_steps())
    return steps


def _grades_by_leaf(leaves: Sequence[Node]) -> dict[Node, list[Grade]]:
    """Returns a dict from each leaf to the grades of all nodes whose first leaf it is."""
    told: set[Node] = set()
    said: dict[Node, list[Grade]] = {}
    for leaf in leaves:
        grades: list[Grade] = []
        for node in leaf.lineage():
            if node in told:
                break
            told.add(node)
            grades += node.critic_grades if node.grade is None else (*node.critic_grades, node.grade)
        said[leaf] = grades
    return said


def _leaf_trajectory(
    node: Node, steps: tuple[Step, ...], grades: Iterable[Grade], lost: Mapping[str, Trajectory], chosen: bool
) -> Trajectory:
    """Returns the trajectory of a leaf. If the leaf is open because a call failed or was not made, the trajectory has
    the `stop` of that call."""
    trajectory = node.trajectory
    facts: dict[str, Any] = {"steps": steps, "score": node.value, "advice": "", "chosen": chosen}
    stopped = lost.get(trajectory.place) if trajectory.stop is None else None
    if stopped and stopped.stop in (Stop.FAILED, Stop.BUDGET):
        facts |= {"stop": stopped.stop, "reason": stopped.reason}
    return replace(
        trajectory, grades=_addressed_grades(trajectory.trajectory_id, (*trajectory.grades, *grades)), **facts
    )


def _rank(node: Node, chosen: Node | None) -> tuple[bool, bool, bool, float]:
    return node is not chosen, not node.answered, node.value is None, -(node.value or 0.0)


def _lost_trajectories(
    lost: Mapping[str, Trajectory], steps: Mapping[Node, tuple[Step, ...]], nodes: Iterable[Node]
) -> list[Trajectory]:
    """Returns the continuations without text at positions in the tree where other continuations or rollouts have
    text."""
    by_place = {node.trajectory.place: steps[node] for node in nodes} if lost else {}
    told = sorted(lost.items())
    return [
        replace(trajectory, steps=by_place.get(place, trajectory.steps), grades=(), score=None)
        for place, trajectory in told
    ]


def _rollout_trajectories(
    rollouts: Iterable[Trajectory], nodes: Iterable[Node], steps: Mapping[Node, tuple[Step, ...]]
) -> list[Trajectory]:
    """Returns the rollouts. Steps that belong to the tree have the tree's visits and values."""
    thrown = sorted(rollouts, key=lambda trajectory: trajectory.place)
    known = {step.step_id: step for node in nodes for step in steps[node][-len(node.steps) :]} if thrown else {}
    told = (tuple(known.get(step.step_id, step) for step in trajectory.steps) for trajectory in thrown)
    return [
        _with_own_grades(replace(trajectory, role=Role.ROLLOUT, steps=whole))
        for trajectory, whole in zip(thrown, told, strict=True)
    ]


def _with_own_grades(trajectory: Trajectory) -> Trajectory:
    """Returns the trajectory as not chosen. Its grades are the grades of its own steps, with its id."""
    grades = _addressed_grades(trajectory.trajectory_id, trajectory.grades)
    return (
        trajectory
        if grades == trajectory.grades and not trajectory.chosen
        else replace(trajectory, grades=grades, chosen=False)
    )


def _addressed_grades(name: str, grades: Iterable[Grade]) -> tuple[Grade, ...]:
    """Returns the grades with the trajectory id `name`, without the rollouts that the grades were computed from."""
    return tuple(
        grade if grade.trajectory_id == name and not grade.rollouts else replace(grade, trajectory_id=name, rollouts=())
        for grade in grades
    )


def _distinct(trajectories: Iterable[Trajectory]) -> list[Trajectory]:
    """Returns the trajectories without later ones that have the same id."""
    found: dict[str, Trajectory] = {}
    for trajectory in trajectories:
        found.setdefault(trajectory.trajectory_id, trajectory)
    return list(found.values())
