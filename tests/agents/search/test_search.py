"""What every search's tree holds to: its numbers, its ends, and that a failure is never a score."""

import math

import pytest

from redraft.agents.critics.none import none as no_critic
from redraft.agents.feedback.none import none as nothing
from redraft.agents.policies.policy import stepwise
from redraft.agents.search.node import probability
from redraft.agents.search.search import SearchAgent
from redraft.agents.strategies.correct import correct
from redraft.agents.strategies.tree_search.mcts import mcts
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.store.journal import Journal
from redraft.store.trajectory import Grade, Role, Stop
from world import QUESTION, World, grown, walked


def search(world: World, **options: object) -> SearchAgent:
    settings: dict = {"iterations": 100, "parallel": 1, **options}
    agent = mcts(world.policy(), grader=world.grader(), critic=no_critic(), **settings)
    assert isinstance(agent, SearchAgent)
    return agent


async def test_a_stored_tree_numbers_its_siblings_and_its_visits_add_up() -> None:
    trajectories = await search(grown(3), iterations=12)(QUESTION)
    steps = {step.step_id: step for trajectory in trajectories for step in trajectory.steps}
    assert {trajectory.role for trajectory in trajectories} == {Role.SEARCH}
    assert len({trajectory.trajectory_id for trajectory in trajectories}) == len(trajectories)
    for step_id, step in steps.items():
        children = [child for child in steps.values() if child.parent_id == step_id]
        numbers = sorted(child.step_id for child in children)
        assert numbers == [f"{step_id}.{number}" for number in range(len(children))]
        assert step.visits == 1 + sum(child.visits or 0 for child in children)
    roots = sorted(step.step_id for step in steps.values() if step.parent_id is None)
    assert roots == ["u/0", "u/1", "u/2"]


async def test_a_dead_end_and_a_repetition_and_the_depth_end_a_path() -> None:
    steps = {"": {"A": 1, "B": 1}, "A": {"A": 1, "D": 1}, "A/D": {"E": 1, "F": 1}, "A/D/E": {}, "A/D/F": {}}
    steps |= {"B": {}, "A/A": {}}
    world = World(steps, {"A": 0.5, "B": 0.4, "A/D": 0.5}, silent=frozenset({"B"}))
    trajectories = await search(world, branch=2, depth=3)(QUESTION)
    assert {(t.trajectory_id, t.stop, t.reason, t.score) for t in trajectories} == {
        ("u/0.0", Stop.DEAD_END, "It repeats a step.", None),
        ("u/0.1.0", Stop.LENGTH, "It has depth=3 steps, which is the most.", None),
        ("u/0.1.1", Stop.LENGTH, "It has depth=3 steps, which is the most.", None),
        ("u/1", Stop.DEAD_END, None, 0.4),
    }
    assert not any(trajectory.chosen for trajectory in trajectories)
    assert world.asked == ["", "A", "B", "A/D"] or world.asked == ["", "A", "A/D", "B"]


async def test_a_text_drawn_twice_is_two_steps_of_which_one_is_searched() -> None:
    world = World({"": {"A": 1, "B": 1}, "A": {"C": 1}}, {"A": 0.5, "B": 0.4, "A/C": 0.5})
    trajectories = await search(world, branch=3)(QUESTION)
    told = {trajectory.trajectory_id: (trajectory.stop, trajectory.reason) for trajectory in trajectories}
    assert told["u/2"] == (Stop.DEAD_END, "It says the same as its sibling 0.")
    twins = [trajectory.trajectory_id for trajectory in trajectories if trajectory.answer == "C"]
    assert twins == ["u/0.0", "u/0.1", "u/0.2"]  # all three drawn are solutions
    assert world.asked == ["", "A"]
    assert world.graded == ["A", "B", "A/C"]  # equal texts are graded once


async def test_a_failed_call_is_no_value_and_no_visit_and_its_reason_is_kept() -> None:
    steps = {"": {"A": 1, "B": 1}, "A": {"C": 1, "D": 1}, "B": {"E": 1, "F": 1}}
    world = World(steps, {"A": 0.9, "B": 0.4, "B/E": 0.3}, broken=frozenset({"A"}))
    trajectories = await search(world, branch=2)(QUESTION)
    told = {t.trajectory_id: (t.stop, t.reason, t.score) for t in trajectories}
    assert told == {
        "u/1.0": (Stop.ANSWERED, None, 0.3),
        "u/0": (Stop.FAILED, "The line is dead.", 0.9),
        "u/1.1": (Stop.ANSWERED, None, None),
    }
    assert walked(trajectories)["B"].visits == 2
    [grade] = [grade for t in trajectories for grade in t.grades if t.trajectory_id == "u/1.1"]
    assert (grade.value, grade.reason) == (None, "nobody knows")
    [chosen] = [trajectory for trajectory in trajectories if trajectory.chosen]
    assert chosen.trajectory_id == "u/1.0"


async def test_a_model_that_always_fails_ends_the_search() -> None:
    world = World({"": {"A": 1}}, broken=frozenset({""}))
    [trajectory] = await search(world)(QUESTION)
    assert (trajectory.trajectory_id, trajectory.stop, trajectory.reason, trajectory.steps) == (
        "u/",
        Stop.FAILED,
        "The line is dead.",
        (),
    )
    steps = {"": dict.fromkeys("ABCDE", 1)} | {name: {"F": 1} for name in "ABCDE"}
    world = World(steps, dict.fromkeys("ABCDE", 0.5), broken=frozenset("ABCDE"))
    await search(world, branch=5)(QUESTION)
    assert world.asked == ["", "A", "B", "C"]


@pytest.mark.parametrize("value", [math.nan, math.inf, 1.5, -0.5])
async def test_what_is_no_number_from_0_to_1_is_no_value(value: float) -> None:
    world = World({"": {"A": 1, "B": 1}, "A": {"C": 1}}, {"A": value, "B": 0.4})
    trajectories = await search(world, branch=2)(QUESTION)
    assert world.asked == [""]
    told = {t.trajectory_id: (t.score, [(grade.value, grade.reason) for grade in t.grades]) for t in trajectories}
    said = f"a search needs values from 0 to 1, and 'world' gave {value:g}"
    assert told == {"u/1": (0.4, [(0.4, None)]), "u/0": (None, [(None, said)])}


async def test_a_search_may_write_the_first_draft_of_a_correction() -> None:
    world = World({"": {"A": 1, "B": 1}, "A": {"C": 1, "D": 1}}, {"B": 0.4, "A/C": 0.9, "A/D": 0.1})
    agent = correct(
        world.policy(), feedback=nothing(Client(world.model)), critic=no_critic(), turns=1, samples=2,
        draft=search(world, branch=2, iterations=1, rollouts=1, final="value"),
    )  # fmt: skip
    trajectories = await agent(QUESTION)
    told = {t.trajectory_id: (t.role, t.answer, t.chosen) for t in trajectories}
    assert told == {
        "u:0": (Role.SAMPLE, "B", True),
        "u:1": (Role.SAMPLE, "B", False),
        "u/0": (Role.SEARCH, None, False),
        "u/0.0": (Role.ROLLOUT, "C", False),
        "u/1/0": (Role.SEARCH, None, False),
        "u/1/0.0": (Role.ROLLOUT, "C", False),
    }


def test_a_log_probability_is_read_as_the_probability_that_it_stands_for() -> None:
    assert probability(Grade("likelihood", "t", 1, value=math.log(0.25))) == pytest.approx(0.25)
    assert probability(Grade("likelihood", "t", 1, value=0.0)) == 1.0
    assert probability(Grade("prm", "t", 1, value=0.0)) == 0.0
    assert probability(Grade("prm", "t", 1, value=0.3, steps=(0.5, 0.9)), last=True) == 0.9


async def test_a_budget_ends_the_search_in_order() -> None:
    world = grown(7)
    journal = Journal(None)
    policy = stepwise(Client(world.model, journal=journal, problem_budget=Budget(calls=3)))
    trajectories = await mcts(policy, grader=world.grader(), critic=no_critic(), parallel=1)(QUESTION)
    assert len(world.asked) == 3
    assert [trajectory.stop for trajectory in trajectories].count(Stop.BUDGET) == 1
    assert all(trajectory.score is not None for trajectory in trajectories)


async def test_rollouts_value_open_steps_and_are_no_part_of_the_tree() -> None:
    steps = {"": {"A": 1, "B": 1}, "A": {"C": 1, "D": 1}, "A/C": {"E": 1}}
    values = {"B": 0.4, "A/C/E": 0.2, "A/D": 0.6}
    world = World(steps, values)
    journal = Journal(None)
    policy = stepwise(Client(world.model, journal=journal))
    agent = mcts(policy, grader=world.grader(), critic=no_critic(), iterations=1, branch=2, rollouts=2)
    trajectories = await agent(QUESTION)
    assert {t.trajectory_id: (t.role, t.answer, t.score) for t in trajectories} == {
        "u/1": (Role.SEARCH, "B", 0.4),
        "u/0": (Role.SEARCH, None, pytest.approx(0.4)),  # the mean of .2 and .6
        "u/0.0.0": (Role.ROLLOUT, "E", 0.2),
        "u/0.1": (Role.ROLLOUT, "D", 0.6),
    }
    purposes = [(call.purpose, call.place, call.n) for call, _ in journal.calls("u")]
    assert purposes == [("propose", "u/", 2), ("rollout", "u/0", 2), ("rollout", "u/0.0", 1)]
