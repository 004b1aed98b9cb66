"""A search's result: every path that it explored, as trajectories."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from redraft.agents.search.node import Node
from redraft.store.records import Grade, Role, Step, Stop, Trajectory


def explored(
    nodes: Sequence[Node], rollouts: Iterable[Trajectory], lost: Mapping[str, Trajectory], chosen: Node | None = None
) -> list[Trajectory]:
    """A trajectory for each leaf, in the role of a search, best first: the chosen one, then those that have an answer
    by their value, then the others; and the rollouts, in theirs. No two have one id.

    In `nodes` parents come before their children. Each node's value and visits are on its last step, wherever that
    stands; its grades are with the first leaf below it. What came to nothing is told once a place.
    """
    paths = _paths(nodes)
    leaves = [node for node in nodes if not node.children or node is chosen]
    said = _shared(leaves)
    ranked = sorted(leaves, key=lambda node: _rank(node, chosen))
    whole = [_told(node, paths[node], said[node], lost, node is chosen) for node in ranked]
    thrown = [path for node in nodes if node.grade for path in node.grade.rollouts]
    return _distinct([*whole, *_beside(lost, paths, nodes), *_rolled([*rollouts, *thrown], nodes, paths)])


def _paths(nodes: Sequence[Node]) -> dict[Node, tuple[Step, ...]]:
    """Each node's steps, with the visits and values of all nodes on its path."""
    paths: dict[Node, tuple[Step, ...]] = {}
    for node in nodes:
        paths[node] = (*(paths[node.parent] if node.parent else ()), *node.own())
    return paths


def _shared(leaves: Sequence[Node]) -> dict[Node, list[Grade]]:
    """The grades of all nodes, each with the first leaf below it."""
    told: set[Node] = set()
    said: dict[Node, list[Grade]] = {}
    for leaf in leaves:
        grades: list[Grade] = []
        for node in leaf.up():
            if node in told:
                break
            told.add(node)
            grades += node.said if node.grade is None else (*node.said, node.grade)
        said[leaf] = grades
    return said


def _told(
    node: Node, steps: tuple[Step, ...], grades: Iterable[Grade], lost: Mapping[str, Trajectory], chosen: bool
) -> Trajectory:
    """A leaf's trajectory. One that is open, where a call failed or was not made, stopped there."""
    path = node.path
    facts: dict[str, Any] = {"steps": steps, "score": node.value, "advice": "", "chosen": chosen}
    stopped = lost.get(path.place) if path.stop is None else None
    if stopped and stopped.stop in (Stop.FAILED, Stop.BUDGET):
        facts |= {"stop": stopped.stop, "reason": stopped.reason}
    return replace(path, grades=_of(path.trajectory_id, (*path.grades, *grades)), **facts)


def _rank(node: Node, chosen: Node | None) -> tuple[bool, bool, bool, float]:
    return node is not chosen, not node.answered, node.value is None, -(node.value or 0.0)


def _beside(
    lost: Mapping[str, Trajectory], paths: Mapping[Node, tuple[Step, ...]], nodes: Iterable[Node]
) -> list[Trajectory]:
    """What came to nothing at places from which others went on, or rollouts were thrown."""
    steps = {node.path.place: paths[node] for node in nodes} if lost else {}
    told = sorted(lost.items())
    return [replace(path, steps=steps.get(place, path.steps), grades=(), score=None) for place, path in told]


def _rolled(
    rollouts: Iterable[Trajectory], nodes: Iterable[Node], paths: Mapping[Node, tuple[Step, ...]]
) -> list[Trajectory]:
    """The rollouts, with the tree's own steps as they are in the tree."""
    thrown = sorted(rollouts, key=lambda path: path.place)
    known = {step.step_id: step for node in nodes for step in paths[node][-len(node.steps) :]} if thrown else {}
    told = (tuple(known.get(step.step_id, step) for step in path.steps) for path in thrown)
    return [_named(replace(path, role=Role.ROLLOUT, steps=steps)) for path, steps in zip(thrown, told, strict=True)]


def _named(path: Trajectory) -> Trajectory:
    """The path, and what was said of it on the way under its name; it is nobody's pick."""
    grades = _of(path.trajectory_id, path.grades)
    return path if grades == path.grades and not path.chosen else replace(path, grades=grades, chosen=False)


def _of(name: str, grades: Iterable[Grade]) -> tuple[Grade, ...]:
    """The grades as those of one trajectory, without the rollouts that they rest on."""
    return tuple(
        grade if grade.trajectory_id == name and not grade.rollouts else replace(grade, trajectory_id=name, rollouts=())
        for grade in grades
    )


def _distinct(paths: Iterable[Trajectory]) -> list[Trajectory]:
    """The first of each id."""
    found: dict[str, Trajectory] = {}
    for path in paths:
        found.setdefault(path.trajectory_id, path)
    return list(found.values())
