"""Queue search: the order in which waiting nodes are taken, against plain references, and what a queue leaves out."""

import heapq
from typing import Any

import pytest

from redraft.agents.critics.critic import go_on
from redraft.agents.search.final_answer import highest_value
from redraft.agents.search.level_search import grader_value
from redraft.agents.search.node import Node
from redraft.agents.search.queue_search import depth_first, queue_search
from redraft.agents.search.search import SearchAgent
from redraft.store.trajectory import Stop, Trajectory
from world import QUESTION, World, grown, state, walked


def search(world: World, **options: Any) -> SearchAgent:
    settings: dict[str, Any] = {
        "value": grader_value(world.grader()), "priority": lambda node: (-(node.value or 0.0),),
        "pick": highest_value, "branch": 3, "visits": 99, "depth": 9, "watch": None, **options,
    }  # fmt: skip
    return queue_search("mine", world.policy(), go_on, **settings)


def by_best_first(world: World, first_in: Any) -> list[str]:
    """The states that are taken off a heap until the first solution, by a priority of the state."""
    taken, waiting, number = [""], [], 0
    while taken[-1] in world.steps:
        for name in world.steps[taken[-1]]:
            number += 1
            place = world.below(taken[-1], name)
            heapq.heappush(waiting, (first_in(place), number, place))
        taken.append(heapq.heappop(waiting)[2])
    return taken


@pytest.mark.parametrize("seed", range(5))
async def test_the_highest_value_is_taken_first_and_the_first_solution_taken_is_the_answer(seed: int) -> None:
    world = grown(seed)
    taken = by_best_first(world, lambda place: -world.values[place])
    trajectories = await search(world)(QUESTION)
    assert world.asked == taken[:-1]
    assert state(next(t.text() for t in trajectories if t.chosen)) == taken[-1]


@pytest.mark.parametrize("seed", range(5))
async def test_depth_first_takes_a_child_before_any_sibling_of_its_parent(seed: int) -> None:
    world = grown(seed)
    taken = by_best_first(world, lambda place: (-place.count("/"), -world.values[place]))
    await search(world, priority=depth_first)(QUESTION)
    assert world.asked == taken[:-1]


@pytest.mark.parametrize("seed", range(3))
async def test_any_priority_will_do_and_of_equals_the_first_drawn_is_taken(seed: int) -> None:
    world = grown(seed)
    taken = by_best_first(world, lambda place: place.count("/"))  # breadth-first
    await search(world, priority=lambda node: (node.depth,))(QUESTION)
    assert world.asked == taken[:-1]


STEPS = {"": {"A": 1, "B": 1, "C": 1}, "A": {"D": 1}, "B": {"E": 1}, "C": {"F": 1}}
VALUES = {"A": 0.5, "B": 0.7, "C": 0.5, "A/D": 0.2, "B/E": 0.1, "C/F": 0.3}


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, ["", "B", "A", "C"]),
        ({"width": 2}, ["", "B", "A"]),  # of A and C, which are equal, the first
        ({"threshold": 0.6}, ["", "B"]),
        ({"frontier": 1}, ["", "B"]),
        ({"priority": lambda node: None if node.text.startswith("B") else (0.0,)}, ["", "A", "C"]),
        ({"visits": 2}, ["", "B"]),
    ],
)
async def test_what_does_not_wait_is_not_continued(options: dict[str, Any], asked: list[str]) -> None:
    world = World(STEPS, VALUES | {"B/E": 0.0, "A/D": 0.0, "C/F": 0.0} if not options else VALUES)
    await search(world, **options)(QUESTION)
    assert world.asked[: len(asked)] == asked
    assert set(world.asked) == set(asked)


async def test_a_node_without_a_value_is_closed() -> None:
    world = World(STEPS, {"B": 0.1, "B/E": 0.1})
    trajectories = await search(world)(QUESTION)
    assert world.asked == ["", "B"]
    assert {state(t.text()): t.score for t in trajectories} == {"B/E": 0.1, "A": None, "C": None}


@pytest.mark.parametrize(("value_completion", "graded"), [(True, ["A", "A/B", "A/B/C"]), (False, ["A", "A/B/C"])])
async def test_if_no_solution_is_taken_the_best_trajectory_is_written_to_its_end(
    value_completion: bool, graded: list[str]
) -> None:
    world = World({"": {"A": 1}, "A": {"B": 1}, "A/B": {"C": 1}}, {"A": 0.5, "A/B": 0.4, "A/B/C": 0.3})
    watched: list[Trajectory] = []
    options = {"branch": 1, "visits": 1, "value_completion": value_completion, "watch": watched.append}
    [trajectory] = await search(world, **options)(QUESTION)
    assert (trajectory.answer, trajectory.chosen, trajectory.score) == ("C", True, 0.3)
    assert world.graded == graded
    assert [state(each.text()) for each in watched] == ["A", "A/B", "A/B/C"]
    assert walked([trajectory])["A"].visits == len(graded)


async def test_the_depth_ends_an_open_step_and_an_expansion_that_fails_ends_its_node() -> None:
    world = World(STEPS, VALUES, broken=frozenset({"B"}))
    trajectories = await search(world, depth=1)(QUESTION)
    assert {t.stop for t in trajectories} == {Stop.LENGTH}
    trajectories = await search(world)(QUESTION)
    stops = {state(t.text()): t.stop for t in trajectories}
    assert stops == {"B": Stop.FAILED, "A/D": Stop.ANSWERED, "C/F": Stop.ANSWERED}


def test_depth_first_prefers_the_deeper_and_then_the_better_node() -> None:
    nodes = [
        Node(Trajectory(QUESTION), depth=depth, value=value)
        for depth, value in ((1, 0.9), (2, 0.1), (2, None), (2, 0.4))
    ]
    assert sorted(nodes, key=depth_first) == [nodes[3], nodes[1], nodes[2], nodes[0]]
