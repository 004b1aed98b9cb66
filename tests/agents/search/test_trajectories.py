"""The explored trajectories: their order, their steps' values, whose grades they carry, and that no id comes twice."""

from msgspec.structs import replace

from redraft.agents.search.node import Node
from redraft.agents.search.search import Search
from redraft.agents.search.trajectories import explored_trajectories
from redraft.store.trajectory import Grade, Role, Stop, Trajectory, Verdict
from world import QUESTION, World

STEPS = {"": {"A": 1, "B": 1, "C": 1}, "A": {"D": 1, "E": 1}}


async def tree(**facts: frozenset[str]) -> tuple[World, Search, Node]:
    world = World(STEPS, **facts)  # pyright: ignore[reportArgumentType]
    search = Search(QUESTION)
    first, *_ = await search.expand(world.policy(), search.root, 3)
    return world, search, first


def ids(trajectories: list[Trajectory]) -> list[str]:
    return [trajectory.trajectory_id for trajectory in trajectories]


async def test_the_chosen_is_first_then_answers_by_value_then_the_others() -> None:
    world, search, first = await tree()
    await search.expand(world.policy(), first, 2)
    _, _, unknown, best, chosen, worst = search.nodes
    best.value, worst.value, chosen.value, unknown.value = 0.9, 0.1, 0.4, None
    trajectories = explored_trajectories(search.nodes, [], {}, chosen)
    assert ids(trajectories) == ["u/0.0", "u/2", "u/0.1", "u/1"]
    assert [(t.chosen, t.score, t.role) for t in trajectories] == [
        (True, 0.4, Role.SEARCH), (False, 0.9, Role.SEARCH), (False, 0.1, Role.SEARCH), (False, None, Role.SEARCH),
    ]  # fmt: skip


async def test_a_search_that_did_nothing_is_one_empty_trajectory() -> None:
    [trajectory] = explored_trajectories(Search(QUESTION).nodes, [], {})
    assert trajectory == Trajectory(QUESTION, role=Role.SEARCH)


async def test_every_trajectory_has_the_values_of_the_nodes_above_it() -> None:
    world, search, first = await tree()
    children = await search.expand(world.policy(), first, 2)
    for node, value, visits in ((first, 0.5, 3), (children[0], 0.25, 1), (children[1], 0.75, 2)):
        node.value, node.visits = value, visits
    told = {
        trajectory.trajectory_id: [(step.value, step.visits) for step in trajectory.steps]
        for trajectory in explored_trajectories(search.nodes, [], {})
    }
    assert told["u/0.0"] == [(0.5, 3), (0.25, 1)]
    assert told["u/0.1"] == [(0.5, 3), (0.75, 2)]


async def test_a_grade_is_with_the_first_leaf_below_its_node() -> None:
    world, search, first = await tree()
    children = await search.expand(world.policy(), first, 2)
    first.critic_grades = (Grade("critic", "u/0", 1, verdict=Verdict.UNDECIDED),)
    first.grade = Grade("world", "u/0", 1, value=0.5, step_id="u/0")
    children[1].grade = Grade("world", "u/0.1", 1, value=0.9)
    told = {t.trajectory_id: [(g.grader, g.value, g.trajectory_id) for g in t.grades]
            for t in explored_trajectories(search.nodes, [], {})}  # fmt: skip
    assert told == {
        "u/0.0": [("critic", None, "u/0.0"), ("world", 0.5, "u/0.0")],
        "u/0.1": [("world", 0.9, "u/0.1")],
        "u/1": [],
        "u/2": [],
    }


async def test_an_open_leaf_at_which_a_call_failed_stopped_there() -> None:
    world, search, first = await tree(broken=frozenset({"A"}))
    await search.roll(world.policy(), first, 1)
    assert first.trajectory.stop is None
    told = {t.trajectory_id: (t.stop, t.reason) for t in explored_trajectories(search.nodes, [], search.lost)}
    assert told["u/0"] == (Stop.FAILED, "The line is dead.")


async def test_an_open_leaf_without_more_to_say_in_a_rollout_stays_open() -> None:
    world, search, first = await tree(silent=frozenset({"A"}))
    await search.roll(world.policy(), first, 1)
    [leaf] = [t for t in explored_trajectories(search.nodes, [], search.lost) if t.trajectory_id == "u/0"]
    assert leaf.stop is None


async def test_a_continuation_that_came_to_nothing_beside_others_is_a_trajectory() -> None:
    world, search, first = await tree()
    await search.expand(world.policy(), first, 2)
    first.value, first.visits = 0.5, 3
    lost = {"u/0": replace(first.trajectory, stop=Stop.BUDGET, reason="spent", score=0.3)}
    *leaves, cut = explored_trajectories(search.nodes, [], lost)
    assert ids(leaves) == ["u/1", "u/2", "u/0.0", "u/0.1"]
    assert (cut.trajectory_id, cut.stop, cut.reason, cut.score, cut.grades) == ("u/0", Stop.BUDGET, "spent", None, ())
    assert [(step.value, step.visits) for step in cut.steps] == [(0.5, 3)]


async def test_rollouts_come_last_by_their_place_with_the_trees_own_steps() -> None:
    world, search, first = await tree()
    rolled = await search.roll(world.policy(), first, 2)
    first.value, first.visits = 0.5, 3
    grade = Grade("world", "elsewhere", 1, value=0.2)
    graded = replace(rolled[0], grades=(grade,), chosen=True, score=0.2)
    *_, early, late = explored_trajectories(search.nodes, [rolled[1], graded], {})
    assert (ids([early, late]), early.role, early.chosen, early.score) == (["u/0.0", "u/0.1"], Role.ROLLOUT, False, 0.2)
    assert early.grades == (replace(grade, trajectory_id="u/0.0"),)
    assert [(step.value, step.visits) for step in late.steps] == [(0.5, 3), (None, None)]


async def test_rollouts_that_a_grade_rests_on_are_rollouts_of_the_tree_and_leave_the_grade() -> None:
    world, search, first = await tree()
    [rolled] = await search.roll(world.policy(), first, 1)
    first.grade = Grade("omegaprm", "u/0", 1, value=1.0, rollouts=(rolled,))
    trajectories = explored_trajectories(search.nodes, [rolled], {})
    assert ids(trajectories) == ["u/1", "u/2", "u/0", "u/0.0"]  # the rollout once, although it is given twice
    assert trajectories[2].grades == (Grade("omegaprm", "u/0", 1, value=1.0),)
