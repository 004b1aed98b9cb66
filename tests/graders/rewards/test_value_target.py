"""Value targets by hand, and the properties of the recursion that they come from."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.graders.rewards.value_target import Target, value_targets, weighted
from redraft.store.problems import Question
from redraft.store.trajectory import Role, Stop, Trajectory

QUESTION = Question("p", "How much?", unit="u")
ROOT = Trajectory(QUESTION, role=Role.SEARCH)

Unit = st.floats(0, 1)


def ended(path: Trajectory, stop: Stop | None = Stop.ANSWERED) -> Trajectory:
    return Trajectory(QUESTION, path.steps, role=path.role, stop=stop, answer="8")


def values(targets: list[Target]) -> dict[str, tuple[int, float, bool]]:
    return {target.text: (target.distance, round(target.value, 12), target.right) for target in targets}


def test_the_worked_tree() -> None:
    """root -> A -> B (right), A -> C -> D (wrong), root -> X (wrong): M is B 1, A 2, the root's 3, C 2, D 2, X 3."""
    a = ROOT.grow("A", 0)
    right, wrong, other = a.grow("B", 0), a.grow("C", 1).grow("D", 0), ROOT.grow("X", 1)
    paths = [ended(right), ended(wrong), ended(other)]
    verdicts = {paths[0].trajectory_id: True, paths[1].trajectory_id: False, paths[2].trajectory_id: False}
    expected = {
        "A": (2, 0.5, True), "AB": (1, 1.0, True), "AC": (2, 0.25, False), "ACD": (2, 0.0, False),
        "X": (3, 0.0, False),
    }  # fmt: skip
    assert values(value_targets(paths, verdicts)) == expected
    assert values(value_targets(reversed(paths), verdicts)) == expected


def test_only_what_is_known_has_targets() -> None:
    a = ROOT.grow("A", 0)
    paths = [
        ended(a.grow("B", 0)),
        ended(a.grow("U", 1)),  # nobody could decide
        ended(a.grow("O", 2), stop=None),
        ended(a.grow("F", 3), stop=Stop.FAILED),
        Trajectory(QUESTION, a.grow("R", 4).steps, role=Role.ROLLOUT, stop=Stop.ANSWERED),
        Trajectory(QUESTION, role=Role.SEARCH, stop=Stop.DEAD_END),
    ]
    verdicts: dict[str, bool | None] = {path.trajectory_id: True for path in paths} | {paths[1].trajectory_id: None}
    assert [target.text for target in value_targets(paths, verdicts)] == ["A", "AB"]
    assert value_targets(paths, dict.fromkeys(verdicts, False)) == []
    assert value_targets([], {}) == []


@given(st.integers(1, 40))
def test_right_steps_grow_linearly(steps: int) -> None:
    path = ROOT
    for number in range(steps):
        path = path.grow(f"{number} ", 0)
    targets = value_targets([ended(path)], {path.trajectory_id: True})
    assert [target.value for target in targets] == pytest.approx([k / steps for k in range(1, steps + 1)])
    assert [target.distance for target in targets] == list(range(steps, 0, -1))


@given(Unit, st.integers(1, 50), Unit)
def test_the_recursion_keeps_to_its_bounds(before: float, distance: int, wrong: float) -> None:
    value = weighted(before, distance, wrong)
    assert 0 <= value <= 1
    assert abs(value - before) <= (1 - before) / distance + 1e-12
    assert weighted(1.0, distance, wrong) == 1.0  # after a right answer nothing can change
    assert weighted(before, distance + 1, 1.0) >= weighted(before, distance, 1.0) - 1e-12  # far from the end costs less
    assert weighted(before, 1, 0.0) == pytest.approx(1.0)


@pytest.mark.parametrize("wrong", [(-0.1, 1, 0.0), (0.5, 0, 0.0), (0.5, 1, 1.5), (float("nan"), 1, 0.0)])
def test_what_is_outside_is_refused(wrong: tuple[float, int, float]) -> None:
    with pytest.raises(ValueError, match="no weighted reward"):
        weighted(*wrong)


@pytest.mark.parametrize("seed", range(20))
def test_targets_of_trees_of_chance_are_those_of_the_published_rules(seed: int) -> None:
    """M and v as the published code finds them: M up from right leaves, then down to what leads to wrong ones only."""
    chance = random.Random(seed)
    children: dict[str, list[str]] = {"": []}
    for number in range(25):
        parent = chance.choice(list(children))
        children[parent].append(f"{parent}.{number}")
        children[f"{parent}.{number}"] = []
    leaves = {node: chance.random() < 0.4 for node, below in children.items() if node and not below}

    def least(node: str) -> int | None:
        if node in leaves:
            return 1 if leaves[node] else None
        known = [away for child in children[node] if (away := least(child)) is not None]
        return min(known) + 1 if known else None

    expected: dict[str, tuple[int, float, bool]] = {}

    def down(node: str, before: float, inherited: int) -> None:
        away = least(node)
        distance = inherited if away is None else away
        value = max(0.0, before + (1 if away is not None else -1) * (1 - before) / distance)
        expected[node] = (distance, round(value, 12), away is not None)
        for child in children[node]:
            down(child, value, distance)

    root = least("")
    for child in children[""] if root is not None else ():
        down(child, 0.0, root or 0)

    paths, verdicts = [], {}
    for leaf, right in leaves.items():
        path, place = ROOT, ""
        for part in leaf.split(".")[1:]:
            place = f"{place}.{part}"
            path = path.grow(f".{part}", int(part))
        paths.append(ended(path))
        verdicts[path.trajectory_id] = right
    assert values(value_targets(paths, verdicts)) == expected
