"""Particle filtering in a scripted world: resampling against its definition, and what comes of a run."""

import random
from collections import Counter

import pytest

from redraft.agents.critics.critic import Critique, Opinion
from redraft.agents.critics.none import none as no_critic
from redraft.agents.policies.policy import stepwise
from redraft.agents.search.search import SearchAgent
from redraft.agents.strategies.tree_search.particle import multinomial, particle, systematic
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.llm.model import Sampling
from redraft.store.errors import PartError
from redraft.store.journal import Journal
from redraft.store.trajectory import Role, Stop, Trajectory
from world import QUESTION, World, grown, state


def search(world: World, seed: int = 0, **options: object) -> SearchAgent:
    client = Client(world.model, sampling=Sampling(seed=seed), journal=Journal(None))
    settings: dict = {"grader": world.grader(), "critic": no_critic(), "n": 4, **options}
    agent = particle(stepwise(client), client=client, **settings)
    assert isinstance(agent, SearchAgent)
    return agent


def odds(value: float) -> float:
    return value / (1 - value)


@pytest.mark.parametrize("seed", range(20))
def test_systematic_draws_are_the_expected_times_rounded(seed: int) -> None:
    chance = random.Random(seed)
    weights = [chance.choice([0.0, chance.random()]) for _ in range(9)] + [0.5]
    drawn = Counter(systematic(weights, 16, random.Random(seed)))
    for index, weight in enumerate(weights):
        expected = 16 * weight / sum(weights)
        assert int(expected) <= drawn[index] <= int(expected) + 1
        assert weight or not drawn[index]
    start = random.Random(seed).random()
    points = [(start + place) / 16 * sum(weights) for place in range(16)]
    ends = [sum(weights[: index + 1]) for index in range(10)]
    assert systematic(weights, 16, random.Random(seed)) == [sum(end <= point for end in ends) for point in points]


def test_multinomial_draws_follow_the_weights() -> None:
    weights, n = [0.0, 1.0, 3.0, 0.0], 20_000
    drawn = Counter(multinomial(weights, n, random.Random(3)))
    assert set(drawn) == {1, 2}
    assert abs(drawn[2] / n - 0.75) < 4 * (0.75 * 0.25 / n) ** 0.5


@pytest.mark.parametrize("weight", ["odds", "value"])
@pytest.mark.parametrize("resampling", ["systematic", "multinomial"])
@pytest.mark.parametrize("seed", range(6))
async def test_a_run_is_what_the_definition_says(seed: int, resampling: str, weight: str) -> None:
    world = grown(seed, branch=4, depth=5)
    trajectories = await search(world, seed, n=6, resampling=resampling, weight=weight)(QUESTION)
    seeds = Client(world.model, sampling=Sampling(seed=seed))
    draw = systematic if resampling == "systematic" else multinomial
    particles, asked, number = [("", ())] * 6, [], 0
    while any(place in world.steps for place, _ in particles):
        number += 1
        carried = [one for one in particles if one[0] not in world.steps]
        counts = Counter(one for one in particles if one[0] in world.steps)
        asked += [place for place, _ in counts]
        new = []
        for (place, where), count in counts.items():
            names = list(world.steps[place])
            new += [(world.below(place, names[i % len(names)]), (*where, i)) for i in range(count)]
        pool = carried + new
        values = [world.values[place] for place, _ in pool]
        weights = [odds(value) for value in values] if weight == "odds" else values
        chance = random.Random(seeds.seed("u", "resample", "u/", number))
        particles = [pool[index] for index in draw(weights, 6, chance)]
    assert world.asked == asked
    [chosen] = [trajectory for trajectory in trajectories if trajectory.chosen]
    assert chosen.score == max(world.values[place] for place, _ in particles)
    ids = {f"u/{'.'.join(map(str, where))}" for _, where in particles}
    assert ids <= {trajectory.trajectory_id for trajectory in trajectories if trajectory.role is Role.SEARCH}


async def test_particles_at_one_prefix_are_siblings_and_each_token_counts_once() -> None:
    steps = {"": {"A": 1, "B": 1}, "A": {"C": 1, "D": 1, "E": 1, "F": 1}, "B": {"G": 1}}
    world = World(steps, {"A": 1.0, "B": 0.0, "A/C": 0.5, "A/D": 0.5, "A/E": 0.5, "A/F": 0.5})
    trajectories = await search(world, n=2)(QUESTION)
    assert [(request.prefix, request.n) for request in world.model.requests] == [("", 2), ("A\n\n", 2)]
    assert sorted(trajectory.trajectory_id for trajectory in trajectories) == ["u/0.0", "u/0.1", "u/1"]
    assert sum({step.step_id: step.tokens for trajectory in trajectories for step in trajectory.steps}.values()) == 4


async def test_a_vote_counts_the_last_particles() -> None:
    values = dict.fromkeys("ABCD", 0.5)  # each is drawn once
    world = World({"": dict.fromkeys("ABCD", 1.0)}, values, {"A": "1", "B": "2", "C": "2", "D": "2"})
    trajectories = await search(world, weight="value", final="vote")(QUESTION)
    assert [(t.answer, t.trajectory_id) for t in trajectories if t.chosen] == [("2", "u/1")]
    trajectories = await search(World(world.steps, values, world.answers), weight="value")(QUESTION)
    assert [trajectory.answer for trajectory in trajectories if trajectory.chosen] == ["1"]


async def test_weights_of_0_are_drawn_alike_and_failures_not_at_all() -> None:
    steps = {"": {"A": 1, "B": 1, "C": 1}, "A": {"D": 1}, "B": {"E": 1}, "C": {"F": 1}}
    world = World(steps, {"A": 0.0, "B": 0.0, "B/E": 0.3}, broken=frozenset({"A"}))
    trajectories = await search(world, n=3, weight="value")(QUESTION)
    told = {trajectory.trajectory_id: (trajectory.stop, trajectory.answer) for trajectory in trajectories}
    assert told["u/0"] == (Stop.FAILED, None)
    assert told["u/2"] == (None, None)  # nobody knows its value
    assert [trajectory.answer for trajectory in trajectories if trajectory.chosen] == ["E"]
    assert "C" not in world.asked


async def test_the_last_round_goes_to_the_end() -> None:
    steps = {"": {"A": 1}, "A": {"B": 1}, "A/B": {"C": 1}, "A/B/C": {"D": 1}}
    world = World(steps, {"A": 0.5, "A/B": 0.5, "A/B/C/D": 0.7})
    trajectories = await search(world, n=1, iterations=2)(QUESTION)
    assert [(state(t.text()), t.score, t.chosen) for t in trajectories] == [("A/B/C/D", 0.7, True)]


async def test_a_budget_ends_it() -> None:
    world = grown(7, branch=4, depth=5)
    client = Client(world.model, journal=Journal(None), problem_budget=Budget(calls=3))
    trajectories = await particle(stepwise(client), client=client, grader=world.grader(), critic=no_critic())(QUESTION)
    assert len(world.asked) == 3
    assert Stop.BUDGET in {trajectory.stop for trajectory in trajectories}


@pytest.mark.parametrize("wrong", [{"n": 0}, {"resampling": "all"}, {"weight": "logit"}, {"final": "visits"}])
def test_what_is_wrong_is_said_at_once(wrong: dict) -> None:
    with pytest.raises(PartError, match=r"too few|there are systematic"):
        search(World({}), **wrong)


async def test_particles_that_a_critic_finishes_all_at_once_are_the_last_ones() -> None:
    async def finishes(trajectory: Trajectory) -> Critique:
        return Critique(Opinion.FINISHED, reason="Done.")

    world = World({"": {"####4": 1, "####5": 1}, "####4": {"A": 1}, "####5": {"A": 1}}, {"####4": 0.2, "####5": 0.9})
    trajectories = await search(world, critic=finishes, n=2, resampling="systematic")(QUESTION)
    assert {(t.answer, t.stop) for t in trajectories} <= {("4", Stop.CRITIC), ("5", Stop.CRITIC), (None, None)}
    assert [trajectory.answer for trajectory in trajectories if trajectory.chosen] == ["5"]
    assert world.asked == [""]
