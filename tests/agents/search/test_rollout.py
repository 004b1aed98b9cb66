"""Rollouts: the value that they give a node, what is stored of them, and what ends them."""

import pytest

from redraft.agents.critics.critic import Critic, Critique, Opinion, go_on
from redraft.agents.search.node import Node
from redraft.agents.search.rollout import greedy_rollout_value, rollout_value
from redraft.agents.search.search import Search
from redraft.store.trajectory import Stop, Trajectory
from world import QUESTION, World, state

STEPS = {"": {"A": 1}, "A": {"B": 1, "C": 1}, "A/B": {"D": 1}, "A/B/D": {"E": 1, "F": 1}}


async def begun(world: World) -> tuple[Search, Node]:
    search = Search(QUESTION)
    [node] = await search.expand(world.policy(), search.root, 1)
    return search, node


def told(search: Search) -> dict[str, float | None]:
    return {state(trajectory.text()): trajectory.score for trajectory in search.rollouts}


async def test_the_value_is_the_mean_of_the_rollouts_that_have_an_answer_and_a_value() -> None:
    world = World(STEPS, {"A/C": 0.2, "A/B/D/E": 0.8})
    search, node = await begun(world)
    value = await rollout_value(search, world.policy(), world.grader(), node, 4, 9)
    # Samples 0 and 2 end in A/B/D/E, samples 1 and 3 in A/C.
    assert value == pytest.approx((0.8 + 0.2 + 0.8 + 0.2) / 4)
    assert told(search) == {"A/B/D/E": 0.8, "A/C": 0.2}
    assert (len(search.rollouts), node.children, node.drawn) == (4, [], 4)
    assert world.graded == ["A/B/D/E", "A/C"]  # equal texts are graded once


async def test_a_rollout_without_a_value_or_cut_by_the_depth_is_stored_and_not_counted() -> None:
    world = World(STEPS, {"A/B/D/E": 0.8})
    search, node = await begun(world)
    assert await rollout_value(search, world.policy(), world.grader(), node, 2, 9) == 0.8
    [unknown] = [trajectory for trajectory in search.rollouts if trajectory.score is None]
    assert (state(unknown.text()), unknown.grades[0].reason) == ("A/C", "nobody knows")
    search, node = await begun(world)
    assert await rollout_value(search, world.policy(), world.grader(), node, 2, 3) is None
    assert [(state(t.text()), t.stop) for t in search.rollouts] == [("A/B/D", None), ("A/C", Stop.ANSWERED)]


async def test_without_any_continuation_there_is_no_value() -> None:
    world = World(STEPS, silent=frozenset({"A"}))
    search, node = await begun(world)
    assert await rollout_value(search, world.policy(), world.grader(), node, 3, 9) is None
    assert (search.rollouts, world.graded, node.ended) == ([], [], False)


async def test_a_rollout_whose_next_call_fails_ends_there() -> None:
    world = World(STEPS, {"A/C": 0.2}, broken=frozenset({"A/B"}))
    search, node = await begun(world)
    assert await rollout_value(search, world.policy(), world.grader(), node, 2, 9) == 0.2
    assert told(search) == {"A/B": None, "A/C": 0.2}
    assert search.lost["u/0.0"].stop is Stop.FAILED


@pytest.mark.parametrize(("steps", "value"), [(0, None), (1, 0.5), (2, 0.5), (3, 0.9), (9, 0.9)])
async def test_the_greedy_value_is_the_greatest_on_the_way(steps: int, value: float | None) -> None:
    world = World(STEPS, {"A/B": 0.5, "A/C": 0.4, "A/B/D": 0.1, "A/B/D/E": 0.3, "A/B/D/F": 0.9})
    search, node = await begun(world)
    assert await greedy_rollout_value(search, world.policy(), world.grader(), go_on, node, 2, steps) == value
    # The way takes the better of two steps each time; the other of them is stored beside it.
    ways = {0: [], 1: ["A/C", "A/B"], 2: ["A/C", "A/B/D", "A/B/D"]}
    whole = ["A/C", "A/B/D", "A/B/D/E", "A/B/D/F"]
    assert [state(trajectory.text()) for trajectory in search.rollouts] == ways.get(steps, whole)


async def test_the_greedy_way_ends_at_a_step_without_a_value() -> None:
    world = World(STEPS, {"A/B/D": 0.9})
    search, node = await begun(world)
    assert await greedy_rollout_value(search, world.policy(), world.grader(), go_on, node, 2, 5) is None
    assert world.asked == ["", "A"]
    assert [state(trajectory.text()) for trajectory in search.rollouts] == ["A/C", "A/B"]


def critic_of(said: dict[str, Critique]) -> Critic:
    async def critique(trajectory: Trajectory) -> Critique:
        return said.get(state(trajectory.text()), Critique(Opinion.GO_ON))

    return critique


async def test_the_critic_ends_the_greedy_way_and_its_advice_is_shown_to_the_next_step() -> None:
    world = World(STEPS, {"A/B": 0.5, "A/B/D": 0.6, "A/B/D/E": 0.9})
    said = {"A/B": Critique(Opinion.GO_ON, advice="Mind the units."), "A/B/D": Critique(Opinion.FINISHED)}
    search, node = await begun(world)
    assert await greedy_rollout_value(search, world.policy(), world.grader(), critic_of(said), node, 1, 5) == 0.6
    assert world.asked == ["", "A", "A/B"]
    shown = ["Mind the units." in request.messages[-1].content for request in world.model.requests]
    assert shown == [False, False, True]
    assert search.critiques == 3  # the node's own, and two on the way
    [way] = search.rollouts
    reasons = [grade.reason for grade in way.grades if grade.grader == "critic"]
    assert reasons == ["go on: Mind the units.", "finished"]


async def test_a_node_that_the_critic_ends_is_not_rolled_out() -> None:
    world = World(STEPS, {"A/B": 0.5})
    search, node = await begun(world)
    critic = critic_of({"A": Critique(Opinion.HOPELESS)})
    assert await greedy_rollout_value(search, world.policy(), world.grader(), critic, node, 1, 5) is None
    assert (node.trajectory.stop, search.rollouts, world.asked) == (Stop.CRITIC, [], [""])
