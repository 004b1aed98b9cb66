"""Best-first search in a scripted world: greedy and A*, against brute force."""

import math
import random

import pytest

from redraft.agents.critics.none import none as no_critic
from redraft.agents.policies.policy import stepwise
from redraft.agents.search.search import SearchAgent
from redraft.agents.strategies.tree_search.best_first import best_first
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.llm.model import Choice, Finish
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.journal import Journal
from redraft.store.trajectory import Stop
from world import QUESTION, World, grown, walked


def search(world: World, **options: object) -> SearchAgent:
    agent = best_first(world.policy(), grader=world.grader(), critic=no_critic(), **{"branch": 4, **options})
    assert isinstance(agent, SearchAgent)
    return agent


def consistent(seed: int) -> World:
    """A world in which a state's value is at least the best of its solutions' chances below it: A* is exact there."""
    world, chance = grown(seed, branch=4, depth=5), random.Random(seed)
    steps = {
        place: {name: p / sum(names.values()) for name, p in names.items()} for place, names in world.steps.items()
    }
    values = {place: max(value, 0.001) for place, value in world.values.items()}
    for place in sorted(values, key=len, reverse=True):
        if place in steps:
            least = max(p * values[f"{place}/{name}"] for name, p in steps[place].items())
            values[place] = least + chance.random() * (1 - least)
    return World(steps, values)


def chance_of(world: World, place: str) -> float:
    names = place.split("/")
    return math.prod(world.steps["/".join(names[:depth])][name] for depth, name in enumerate(names))


@pytest.mark.parametrize("seed", range(16))
async def test_astar_answers_with_the_cheapest_solution_of_all(seed: int) -> None:
    world = consistent(seed)
    trajectories = await search(world, rule="astar", iterations=1000)(QUESTION)
    every = [place for place in world.values if place not in world.steps]
    cost = {place: -math.log(chance_of(world, place)) - math.log(world.values[place]) for place in every}
    [chosen] = [trajectory for trajectory in trajectories if trajectory.chosen]
    assert chosen.score == world.values[min(cost, key=cost.__getitem__)]
    price = {place: -math.log(chance_of(world, place) * world.values[place]) for place in world.asked if place}
    assert all(price[place] <= min(cost.values()) + 1e-12 for place in price)  # nothing dearer was looked into


@pytest.mark.parametrize("seed", range(8))
async def test_greedy_expands_the_best_valued_of_all_open_paths(seed: int) -> None:
    world = grown(seed, branch=4, depth=5)
    trajectories = await search(world, iterations=12)(QUESTION)
    waiting, asked, taken = [""], [], None
    while waiting and len(asked) < 12 and taken is None:
        place = max(waiting, key=lambda each: world.values.get(each, 0.0))
        waiting.remove(place)
        if place in world.steps:
            asked.append(place)
            waiting += [world.below(place, name) for name in world.steps[place]]
        else:
            taken = place
    assert world.asked[: len(asked)] == asked
    if taken:
        assert [trajectory.score for trajectory in trajectories if trajectory.chosen] == [world.values[taken]]
    steps = walked(trajectories)
    for place, step in steps.items():
        below = [child for child in steps if child.rpartition("/")[0] == place]
        assert step.visits == 1 + sum(steps[child].visits or 0 for child in below)


async def test_weight_and_length_change_what_is_cheapest() -> None:
    steps = {"": {"A": 0.5, "B": 0.5}, "A": {"C": 0.6, "D": 0.4}}
    world = World(steps, {"A": 1.0, "B": 0.55, "A/C": 1.0, "A/D": 1.0})
    told = {}
    for name, options in {
        "cost": {}, "by step": {"normalised": True}, "weight 0": {"weight": 0.0}, "weight 2": {"weight": 2.0},
    }.items():  # fmt: skip
        trajectories = await search(World(world.steps, world.values), branch=2, rule="astar", **options)(QUESTION)
        told[name] = next(trajectory.answer for trajectory in trajectories if trajectory.chosen)
    # C: -ln .3 = 1.204, .602 a step. B: -ln .5 - w ln .55 = 1.291 with w = 1, .693 with 0, 1.889 with 2.
    assert told == {"cost": "C", "by step": "C", "weight 0": "B", "weight 2": "C"}


async def test_a_frontier_keeps_the_cheapest() -> None:
    steps = {"": {"A": 1, "B": 1, "C": 1}, "A": {"D": 1}, "B": {"E": 1}, "A/D": {"F": 1}}
    values = {"A": 0.5, "B": 0.4, "C": 0.3, "A/D": 0.1, "B/E": 0.2, "A/D/F": 0.9}
    wide = World(steps, values)
    assert [trajectory.answer for trajectory in await search(wide, branch=3)(QUESTION) if trajectory.chosen] == ["C"]
    narrow = World(steps, values)
    trajectories = await search(narrow, branch=3, frontier=1)(QUESTION)
    assert narrow.asked == ["", "A", "A/D"]
    assert [trajectory.answer for trajectory in trajectories if trajectory.chosen] == ["F"]


async def test_without_log_probabilities_astar_continues_nothing_and_greedy_does() -> None:
    asked = {}
    for rule in ("astar", "greedy"):
        texts = {"": Choice("A", Finish.STOP, 1), "A\n\n": Choice("B \\boxed{1}", Finish.END, 1)}
        model = Scripted(lambda request, index, texts=texts: texts[request.prefix])
        world = World({}, {"A": 0.5, "A/B": 0.6})
        settings: dict = {"grader": world.grader(), "critic": no_critic(), "rule": rule, "branch": 1}
        trajectories = await best_first(stepwise(Client(model)), **settings)(QUESTION)
        asked[rule] = [(trajectory.answer, trajectory.score) for trajectory in trajectories if trajectory.chosen]
    # without anything taken, the best open trajectory is written to its end
    assert asked == {"astar": [("1", 0.6)], "greedy": [("1", 0.6)]}


async def test_failures_and_missing_grades_are_no_scores() -> None:
    steps = {"": {"A": 1, "B": 1, "C": 1}, "A": {"D": 1}, "C": {"E": 1}}
    world = World(steps, {"A": 0.9, "C": 0.1, "C/E": 0.2}, broken=frozenset({"A"}))
    trajectories = await search(world, branch=3)(QUESTION)
    told = {t.trajectory_id: (t.stop, t.answer, t.score, t.chosen) for t in trajectories}
    assert told["u/0"] == (Stop.FAILED, None, 0.9, False)
    assert told["u/1"] == (Stop.ANSWERED, "B", None, False)
    assert told["u/2.0"] == (Stop.ANSWERED, "E", 0.2, True)


async def test_a_budget_ends_it() -> None:
    world = grown(7, branch=4, depth=5)
    policy = stepwise(Client(world.model, journal=Journal(None), problem_budget=Budget(calls=1)))
    trajectories = await best_first(policy, grader=world.grader(), critic=no_critic())(QUESTION)
    assert len(world.asked) == 1
    assert [trajectory.stop for trajectory in trajectories].count(Stop.BUDGET) == 1


@pytest.mark.parametrize("wrong", [{"branch": 0}, {"frontier": 0}, {"rule": "best"}, {"weight": -1.0}])
def test_what_is_wrong_is_said_at_once(wrong: dict) -> None:
    with pytest.raises(PartError, match=r"too few|there are greedy, astar"):
        search(World({}), **wrong)
