"""ReST-MCTS* in a scripted world: by hand, and against its definition in the plainest words."""

import math

import pytest

from redraft.agents.critics.critic import Critic
from redraft.agents.critics.none import none as no_critic
from redraft.agents.search.search import SearchAgent
from redraft.agents.strategies.tree_search.rest_mcts import rest_mcts
from redraft.store.errors import PartError
from redraft.store.trajectory import Role, Stop
from world import QUESTION, World, grown, state, walked

BY_HAND = World(
    {"": {"A": 1, "X": 1}, "A": {"B": 1, "C": 1}, "X": {"Y": 1, "Z": 1}, "X/Y": {"W": 1, "V": 1}}
    | {"X/Z": {"W": 1, "V": 1}},
    {"A": 0.5, "X": 0.3, "A/B": 0.9, "A/C": 0.2, "X/Y": 0.1, "X/Z": 0.05, "X/Y/W": 0.6, "X/Z/W": 0.1}
    | {"X/Y/V": 0.02, "X/Z/V": 0.01},
)


def again(world: World = BY_HAND) -> World:
    return World(world.steps, world.values, world.answers)


def search(world: World, critic: Critic | None = None, **options: object) -> SearchAgent:
    settings: dict = {"branch": 2, "roll_forward_steps": 0, **options}
    agent = rest_mcts(world.policy(), grader=world.grader(), critic=critic or no_critic(), **settings)
    assert isinstance(agent, SearchAgent)
    return agent


async def test_four_iterations_by_hand() -> None:
    world = again()
    trajectories = await search(world)(QUESTION)
    # 1 expands the root: A has .5, and its visit. 2 expands X, not visited: .3 + 1 > .5 + .7 sqrt(2 ln 1 / 1).
    # 3 expands A: .5 + .7 sqrt(2 ln 2 / 1) > .1 + the same. 4 selects B: its .9 reaches the gate.
    assert world.asked == ["", "X", "A"]
    told = {place: (step.visits, step.value) for place, step in walked(trajectories).items()}
    assert told == {
        "A": (2, 0.9), "X": (1, 0.1), "A/B": (1, 0.9), "A/C": (0, 0.2), "X/Y": (1, 0.1), "X/Z": (0, 0.05),
    }  # fmt: skip
    assert [(t.trajectory_id, t.answer) for t in trajectories if t.chosen] == [("u/0.0", "B")]


async def test_a_rollout_mixes_in_the_best_value_on_its_way() -> None:
    world = again()
    trajectories = await search(world, iterations=2, roll_forward_steps=3, alpha=0.25)(QUESTION)
    # 1: from A the rollout goes to B, .9: V = .75 * .5 + .25 * .9. 2: from X/Y, .1, it goes to W, .6.
    steps = walked(trajectory for trajectory in trajectories if trajectory.role is Role.SEARCH)
    assert steps["A"].value == pytest.approx(0.6)
    assert steps["X"].value == steps["X/Y"].value == pytest.approx(0.75 * 0.1 + 0.25 * 0.6)
    assert (steps["A"].visits, steps["X"].visits, steps["X/Y"].visits) == (1, 1, 1)
    thrown = {t.trajectory_id: (t.answer, t.score) for t in trajectories if t.role is Role.ROLLOUT}
    assert thrown == {"u/0.0": ("B", 0.9), "u/1.0.0": ("W", 0.6)}


class Reference:
    """What the docstring says, on the world itself."""

    def __init__(self, world: World, forward: int, roll: int, gate: float) -> None:
        self.world, self.forward, self.roll, self.gate = world, forward, roll, gate
        self.v: dict[str, float] = {}
        self.n: dict[str, int] = {"": 0}
        self.passed: set[str] = set()
        self.asked: list[str] = []
        self.found: str | None = None

    def run(self, iterations: int) -> None:
        for _ in range(iterations):
            place = self.select()
            if place is None or self.found:
                return
            self.asked.append(place)
            for child in self.below(place):
                self.v[child], self.n[child] = self.world.values[child], 0
            best = max(self.below(place), key=self.v.__getitem__)
            seen = self.rollout(best)
            if seen:
                self.v[best] = 0.5 * self.v[best] + 0.5 * max(seen)
            self.n[best] += 1
            self.back_up(place)

    def rollout(self, place: str) -> list[float]:
        seen: list[float] = []
        while len(seen) < self.forward and place in self.world.steps:
            self.asked.append(place)
            place = max(self.below(place)[: self.roll], key=self.world.values.__getitem__)
            seen.append(self.world.values[place])
        return seen

    def back_up(self, place: str) -> None:
        while True:
            self.n[place] += 1
            seen = [child for child in self.below(place) if self.n.get(child)] if place in self.asked else []
            if seen:
                self.v[place] = sum(self.n[c] * self.v[c] for c in seen) / sum(self.n[c] for c in seen)
            if not place:
                return
            place = place.rpartition("/")[0]

    def below(self, place: str) -> list[str]:
        return [self.world.below(place, name) for name in self.world.steps.get(place, ())]

    def done(self, place: str) -> bool:
        children = [child for child in self.below(place) if child in self.v]
        return all(map(self.done, children)) if children else place in self.passed

    def score(self, place: str) -> float:
        above = self.n[place.rpartition("/")[0]]
        bonus = 0.7 * math.sqrt(2 * math.log(above) / self.n[place]) if self.n[place] else 1.0
        return self.v[place] + bonus

    def select(self) -> str | None:
        while not self.done(""):
            place = ""
            while children := [child for child in self.below(place) if child in self.v]:
                place = max((child for child in children if not self.done(child)), key=self.score)
            if place in self.world.steps:
                return place
            if self.v[place] >= self.gate:
                self.found = place
                return place
            self.passed.add(place)
        return None


@pytest.mark.parametrize(("forward", "roll", "gate"), [(0, 1, 0.95), (2, 1, 0.9), (3, 2, 2.0)])
@pytest.mark.parametrize("seed", range(12))
async def test_choices_visits_and_values_are_those_of_the_definition(
    seed: int, forward: int, roll: int, gate: float
) -> None:
    world = grown(seed, depth=5)
    reference = Reference(world, forward, roll, gate)
    reference.run(15)
    agent = search(world, branch=3, iterations=15, roll_forward_steps=forward, roll_branch=roll, end_gate=gate)
    trajectories = await agent(QUESTION)

    assert world.asked[: len(reference.asked)] == reference.asked
    steps = walked(trajectory for trajectory in trajectories if trajectory.role is Role.SEARCH)
    for place, value in reference.v.items():
        if place:
            assert (steps[place].visits, steps[place].value) == (reference.n[place], pytest.approx(value, abs=1e-12))
    chosen = next((trajectory for trajectory in trajectories if trajectory.chosen), None)
    if reference.found:
        assert chosen is not None
        assert state(chosen.text()) == reference.found


async def test_a_solution_below_the_gate_burns_no_iterations_and_full_collects_all() -> None:
    world = again()
    trajectories = await search(world, full=True, iterations=1000)(QUESTION)
    assert sorted(world.asked) == ["", "A", "X", "X/Y", "X/Z"]
    assert sorted(trajectory.answer or "" for trajectory in trajectories) == ["B", "C", "V", "V", "W", "W"]
    assert [(trajectory.answer, trajectory.score) for trajectory in trajectories if trajectory.chosen] == [("B", 0.9)]
    votes = World(world.steps, {**world.values, "X/Y/W": 0.8}, {"A/B": "1", "X/Y/W": "2", "X/Z/W": "2"})
    trajectories = await search(votes, full=True, final="vote")(QUESTION)
    assert [(t.answer, t.score) for t in trajectories if t.chosen] == [("1", 0.9)]  # .9 against .8 + .1
    votes.values = {**votes.values, "X/Z/W": 0.2}
    trajectories = await search(votes, full=True, final="vote")(QUESTION)
    assert [(trajectory.answer, trajectory.score) for trajectory in trajectories if trajectory.chosen] == [("2", 0.8)]


async def test_an_unfinished_path_of_a_high_value_is_no_solution() -> None:
    world = World({"": {"A": 1, "B": 1}, "A": {"C": 1, "D": 1}}, {"A": 0.99, "B": 0.1, "A/C": 0.2, "A/D": 0.1})
    trajectories = await search(world, iterations=3)(QUESTION)
    assert [trajectory.answer for trajectory in trajectories if trajectory.chosen] == ["C"]


async def test_a_failed_expansion_and_a_grade_that_is_missing_are_no_visits() -> None:
    world = World({**BY_HAND.steps}, {k: v for k, v in BY_HAND.values.items() if k != "A/B"}, broken=frozenset({"X"}))
    trajectories = await search(world)(QUESTION)
    told = {t.trajectory_id: (t.stop, t.answer, t.score) for t in trajectories}
    assert told == {
        "u/0.1": (Stop.ANSWERED, "C", 0.2), "u/0.0": (Stop.ANSWERED, "B", None), "u/1": (Stop.FAILED, None, 0.3),
    }  # fmt: skip
    assert [trajectory.answer for trajectory in trajectories if trajectory.chosen] == ["C"]
    steps = walked(trajectories)
    assert (steps["X"].visits, steps["A"].visits, steps["A"].value) == (0, 2, 0.2)


async def test_a_rollout_without_a_value_leaves_the_node_its_own() -> None:
    world = World({"": {"A": 1, "B": 1}, "A": {"C": 1, "D": 1}}, {"A": 0.6, "B": 0.1}, broken=frozenset({"A"}))
    trajectories = await search(world, iterations=1, roll_forward_steps=2)(QUESTION)
    told = {t.trajectory_id: (t.stop, t.score, t.reason) for t in trajectories}
    assert told["u/0"] == (Stop.FAILED, 0.6, "The line is dead.")


@pytest.mark.parametrize("wrong", [{"iterations": 0}, {"roll_branch": 0}, {"final": "visits"}])
def test_what_is_wrong_is_said_at_once(wrong: dict) -> None:
    with pytest.raises(PartError, match=r"too few|there are value, vote"):
        search(again(), **wrong)
