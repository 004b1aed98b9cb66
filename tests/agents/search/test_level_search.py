"""Level search: what a plan's rules decide, round by round, and the counts that a round leaves."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from redraft.agents.critics.critic import Critic, Critique, Opinion, go_on
from redraft.agents.search.final_answer import highest_value
from redraft.agents.search.level_search import Plan, count_visits, grader_value, level_search, top_nodes
from redraft.agents.search.node import Node
from redraft.agents.search.search import Search
from redraft.store.trajectory import Stop, Trajectory
from world import QUESTION, World, state, walked

STEPS = {
    "": {"A": 1, "B": 1},
    "A": {"C": 1, "D": 1, "E": 1},
    "B": {"F": 1, "G": 1},
    "A/C": {"H": 1, "I": 1},
}
VALUES = {"A": 0.6, "B": 0.5, "A/C": 0.4, "A/D": 0.9, "A/E": 0.2, "B/F": 0.3, "B/G": 0.1, "A/C/H": 0.7, "A/C/I": 0.8}


def top(most: int) -> Any:
    return lambda search, nodes, asked: top_nodes(nodes, most)


async def solved(
    world: World, iterations: int = 9, *, critic: Critic = go_on, keep: Any = None, **plan: Any
) -> list[Trajectory]:
    rules: dict[str, Any] = {
        "width": 2, "each": 2, "value": grader_value(world.grader()), "keep": keep or top(1),
        "pick": lambda search, nodes: highest_value(search), **plan,
    }  # fmt: skip
    return await level_search("mine", Plan(**rules), world.policy(), critic, iterations, None)(QUESTION)


def chosen(trajectories: Sequence[Trajectory]) -> str:
    return next((state(trajectory.text()) for trajectory in trajectories if trajectory.chosen), "")


async def test_the_kept_candidates_are_continued_and_a_solution_that_rests_ends_the_search() -> None:
    world = World(STEPS, VALUES)
    trajectories = await solved(world)
    assert world.asked == ["", "A"]  # A/D is a solution, and the one candidate that is kept
    assert chosen(trajectories) == "A/D"


async def test_without_resting_a_solution_leaves_its_place_to_an_open_candidate() -> None:
    world = World(STEPS, VALUES)
    trajectories = await solved(world, resting=False)
    assert world.asked == ["", "A", "A/C"]
    assert chosen(trajectories) == "A/D"  # the pick looks at all solutions
    world = World(STEPS, VALUES)
    trajectories = await solved(world, resting=False, pick=lambda search, nodes: None)
    assert chosen(trajectories) == "A/D"  # the best solution, if a plan picks none


async def test_a_candidate_that_is_kept_twice_is_continued_twice_as_often() -> None:
    world = World(STEPS, VALUES)
    await solved(world, 2, keep=lambda search, nodes, asked: [*nodes[:1], *nodes[:1], *nodes[1:2]])
    asked = [(state(request.prefix), request.n) for request in world.model.requests]
    # Round 2 gives 2 each: 4 for A, 2 for B.
    assert asked[:3] == [("", 2), ("A", 4), ("B", 2)]


async def test_without_each_the_open_candidates_share_the_width_that_solutions_leave() -> None:
    steps = {"": dict.fromkeys("ABC", 1.0), "A": dict.fromkeys("DEF", 1.0), "B": {"G": 1.0}}
    world = World(steps, {"A": 0.5, "B": 0.4, "C": 0.9} | dict.fromkeys(("A/D", "A/E", "A/F", "B/G"), 0.1))
    await solved(world, 2, width=6, each=None, keep=top(9))
    asked = [(state(request.prefix), request.n) for request in world.model.requests]
    # Of 6 drawn 2 are C, which rests; the repeated A and B are dead ends: 4 places for A and B in turn.
    assert asked == [("", 6), ("A", 2), ("B", 2)]


@pytest.mark.parametrize(("to_end", "asked"), [(True, ["", "A", "A/C"]), (False, ["", "A"])])
async def test_the_last_round_may_write_its_candidates_to_their_ends(to_end: bool, asked: list[str]) -> None:
    world = World(STEPS, VALUES)
    trajectories = await solved(world, 2, to_end=to_end)
    assert world.asked == asked
    assert ("A/C/H" in walked(trajectories)) is to_end


async def test_a_candidate_without_a_value_does_not_go_on() -> None:
    world = World(STEPS, {"B": 0.1, "B/F": 0.3})
    trajectories = await solved(world, keep=top(2))
    assert world.asked == ["", "B"]
    assert chosen(trajectories) == "B/F"


async def test_the_critic_is_asked_before_a_node_is_continued() -> None:
    seen: list[str] = []

    async def critic(trajectory: Trajectory) -> Critique:
        seen.append(state(trajectory.text()))
        return Critique(Opinion.HOPELESS if seen[-1] == "A" else Opinion.GO_ON)

    world = World(STEPS, VALUES)
    trajectories = await solved(world, critic=critic, keep=top(2))
    assert seen == ["A", "B"]
    assert world.asked == ["", "B"]
    stops = {state(trajectory.text()): trajectory.stop for trajectory in trajectories}
    assert stops == {"A": Stop.CRITIC, "B/F": Stop.ANSWERED, "B/G": Stop.ANSWERED}


async def test_a_question_without_any_continuation_ends_at_once() -> None:
    world = World({"": {"A": 1}}, silent=frozenset({""}))
    [trajectory] = await solved(world)
    assert (trajectory.stop, trajectory.steps, trajectory.chosen) == (Stop.DEAD_END, (), False)


async def test_visits_are_the_valued_nodes_at_and_below() -> None:
    root = Node(Trajectory(QUESTION))
    child, other = Node(root.trajectory.grow("A", 0), root, value=0.0), Node(root.trajectory.grow("B", 1), root)
    below = Node(child.trajectory.grow("C", 0), child, value=0.7)
    count_visits([child, other, below])
    assert [node.visits for node in (root, child, other, below)] == [2, 2, 0, 1]


def test_the_top_nodes_keep_the_order_of_equals() -> None:
    nodes = [Node(Trajectory(QUESTION), value=value) for value in (0.2, None, 0.9, 0.2, 0.0)]
    ranked = [nodes[2], nodes[0], nodes[3], nodes[1], nodes[4]]  # no value counts as 0
    assert [top_nodes(nodes, most) for most in (2, 0, 9, None)] == [ranked[:2], [], ranked, ranked]


async def test_a_grader_is_asked_only_about_nodes_without_a_value() -> None:
    world = World(STEPS, VALUES)
    search = Search(QUESTION)
    first, second = await search.expand(world.policy(), search.root, 2)
    first.value = 0.25
    await grader_value(world.grader())(search, [first, second])
    assert (first.value, second.value, world.graded) == (0.25, 0.5, ["B"])
    assert first.trajectory == replace(first.trajectory, score=None)
