"""Diverse verifier tree search in a scripted world: against the definition in the plainest words."""

import pytest

from redraft.agents.critics.none import none as no_critic
from redraft.agents.policies.policy import stepwise
from redraft.agents.search.search import SearchAgent
from redraft.agents.strategies.tree_search.dvts import dvts
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.llm.model import Choice, Finish
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.journal import Journal
from redraft.store.trajectory import Role, Stop
from world import QUESTION, World, grown, walked


def search(world: World, **options: object) -> SearchAgent:
    settings: dict = {"n": 4, "width": 2, **options}
    agent = dvts(world.policy(), grader=world.grader(), critic=no_critic(), **settings)
    assert isinstance(agent, SearchAgent)
    return agent


def subtree(world: World, drawn: list[str], width: int) -> tuple[list[str], list[str]]:
    """One subtree from its first candidates: where it was continued, and its last candidates."""
    asked: list[str] = []
    while True:
        top = max(drawn, key=world.values.__getitem__)
        if top not in world.steps:
            return asked, [place for place in drawn if place not in world.steps]
        asked.append(top)
        names = list(world.steps[top])
        drawn = [world.below(top, names[number % len(names)]) for number in range(width)]


@pytest.mark.parametrize("seed", range(16))
async def test_each_subtree_is_greedy_and_its_last_candidates_are_the_answers(seed: int) -> None:
    world = grown(seed, branch=4, depth=5)
    names = list(world.steps[""])
    first = [names[number % len(names)] for number in range(6)]
    runs = [subtree(world, first[at : at + 2], 2) for at in (0, 2, 4)]
    trajectories = await search(world, n=6)(QUESTION)
    assert sorted(world.asked) == sorted(["", *(place for asked, _ in runs for place in asked)])
    last = [place for _, ends in runs for place in ends]
    [chosen] = [trajectory for trajectory in trajectories if trajectory.chosen]
    assert chosen.score == max(world.values[place] for place in last)
    assert {trajectory.role for trajectory in trajectories} == {Role.SEARCH}
    assert {place: step.value for place, step in walked(trajectories).items()}.items() <= world.values.items()
    ids = {step.step_id for trajectory in trajectories for step in trajectory.steps}
    assert len(ids) == 6 + 2 * sum(len(asked) for asked, _ in runs)


async def test_the_favourite_of_one_subtree_does_not_take_the_other() -> None:
    steps = {"": {"A": 1, "B": 1, "C": 1, "D": 1}, "A": {"E": 1, "F": 1}, "C": {"G": 1, "H": 1}}
    values = {"A": 0.9, "B": 0.8, "C": 0.2, "D": 0.1, "A/E": 0.3, "A/F": 0.6, "C/G": 0.5, "C/H": 0.4}
    world = World(steps, values, {"A/F": "1", "C/G": "2", "C/H": "2", "A/E": "3", "B": "9"})
    trajectories = await search(world)(QUESTION)
    assert world.asked == ["", "A", "C"]
    assert [(trajectory.trajectory_id, trajectory.answer, trajectory.chosen) for trajectory in trajectories][:2] == [
        ("u/0.1", "1", True),
        ("u/1", "9", False),  # ended before, where its sibling was better: no candidate
    ]
    voted = await search(World(steps, values, world.answers), final="vote")(QUESTION)
    assert [trajectory.trajectory_id for trajectory in voted if trajectory.chosen] == ["u/2.0"]


async def test_a_box_ends_a_subtree() -> None:
    model = Scripted(lambda request, index: Choice(f"So \\boxed{{{index}}}", Finish.STOP, 2))
    world = World({}, {"So": 0.5})
    agent = dvts(stepwise(Client(model)), grader=world.grader(), critic=no_critic(), n=2, width=2)
    trajectories = await agent(QUESTION)
    assert len(model.requests) == 1
    told = [(trajectory.answer, trajectory.stop, trajectory.chosen) for trajectory in trajectories]
    assert told == [("0", Stop.ANSWERED, True), ("1", Stop.ANSWERED, False)]


async def test_the_last_round_goes_to_the_end_and_failures_end_their_subtree() -> None:
    steps = {"": {"A": 1, "B": 1}, "A": {"C": 1, "D": 1}, "B": {"E": 1}, "A/C": {"F": 1}, "A/D": {"G": 1}}
    world = World(steps, {"A": 0.5, "B": 0.4, "A/C/F": 0.1, "A/D/G": 0.2}, broken=frozenset({"B"}))
    trajectories = await search(world, n=2, width=1, iterations=2)(QUESTION)
    told = {t.trajectory_id: (t.stop, t.answer, t.chosen) for t in trajectories}
    assert told == {"u/0.0.0": (Stop.ANSWERED, "F", True), "u/1": (Stop.FAILED, None, False)}
    trajectories = await search(world, n=2, width=2, iterations=2)(QUESTION)
    told = {trajectory.trajectory_id: (trajectory.answer, trajectory.chosen) for trajectory in trajectories}
    assert told == {"u/0.0.0": ("F", False), "u/0.1.0": ("G", True), "u/1": (None, False)}


async def test_a_budget_ends_it() -> None:
    world = grown(7, branch=4, depth=5)
    policy = stepwise(Client(world.model, journal=Journal(None), problem_budget=Budget(calls=2)))
    trajectories = await dvts(policy, grader=world.grader(), critic=no_critic(), n=4, width=2)(QUESTION)
    assert len(world.asked) == 2
    assert [trajectory.stop for trajectory in trajectories].count(Stop.BUDGET) == 1


def test_what_is_wrong_is_said_at_once() -> None:
    with pytest.raises(PartError, match="n=5 is no multiple of width=2"):
        search(World({}), n=5)
