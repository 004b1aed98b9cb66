"""Monte-Carlo tree search in a scripted world, against a reference that recounts everything at each choice."""

import math
import random
from collections.abc import Sequence

import pytest

from redraft.agents.critics.none import none as no_critic
from redraft.agents.search.node import Node
from redraft.agents.search.search import SearchAgent
from redraft.agents.search.selection import add_dirichlet_noise, normalize_priors, puct, uct
from redraft.agents.strategies.tree_search.mcts import mcts
from redraft.llm.client.client import Client
from redraft.llm.model import Sampling
from redraft.store.errors import PartError
from redraft.store.trajectory import Stop, Trajectory
from world import QUESTION, World, grown, walked

EXPLORATION, C_INIT, C_BASE = 0.8, 1.25, 50.0


class Reference:
    """The search as its definition says, with nothing remembered but which states were valued and expanded."""

    def __init__(self, world: World, rule: str, noise: Sequence[float] = ()) -> None:
        self.world, self.rule, self.noise = world, rule, noise
        self.valued: list[str] = []
        self.expanded: list[str] = []
        self.pending: list[str] = []

    def run(self, iterations: int, parallel: int) -> None:
        while iterations and not self.closed(""):
            self.pending = []
            while len(self.pending) < min(parallel, iterations) and (leaf := self.leaf()) is not None:
                self.pending.append(leaf)
            iterations -= len(self.pending)
            self.expanded += self.pending
            self.valued += [child for leaf in self.pending for child in self.below(leaf)]

    def below(self, place: str) -> list[str]:
        return [self.world.below(place, name) for name in self.world.steps[place]]

    def within(self, place: str, states: Sequence[str]) -> list[str]:
        return [each for each in states if not place or each == place or each.startswith(f"{place}/")]

    def closed(self, place: str) -> bool:
        if place in self.expanded:
            return all(self.closed(child) for child in self.below(place))
        return place not in self.world.steps

    def free(self, place: str) -> bool:
        if place in self.expanded:
            return any(self.free(child) for child in self.below(place))
        return not self.closed(place) and place not in self.pending

    def n(self, place: str) -> int:
        return len(self.within(place, self.valued)) + len(self.within(place, self.pending))

    def score(self, place: str, parent: str) -> float:
        mean = sum(self.world.values[each] for each in self.within(place, self.valued)) / self.n(place)
        if self.rule == "uct":
            return mean + EXPLORATION * math.sqrt(math.log(self.n(parent)) / self.n(place))
        chances = self.world.steps[parent]
        prior = chances[place.rpartition("/")[2]] / sum(chances.values())
        if self.noise and not parent:
            prior = 0.75 * prior + 0.25 * self.noise[self.below("").index(place)]
        width = math.log((self.n(parent) + C_BASE + 1) / C_BASE) + C_INIT
        return mean + prior * width * math.sqrt(self.n(parent)) / (1 + self.n(place))

    def leaf(self) -> str | None:
        place = ""
        while place in self.expanded:
            chances = [child for child in self.below(place) if self.free(child)]
            if not chances:
                return None
            place = max(chances, key=lambda child: self.score(child, place))
        return place if self.free(place) else None


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize("rule", ["uct", "puct"])
@pytest.mark.parametrize("seed", range(12))
async def test_choices_visits_and_values_are_those_of_the_definition(seed: int, rule: str, parallel: int) -> None:
    world = grown(seed, depth=5)
    reference = Reference(world, rule)
    reference.run(24, parallel)

    agent = mcts(
        world.policy(), grader=world.grader(), critic=no_critic(), iterations=24, parallel=parallel,
        rule="uct" if rule == "uct" else "puct", exploration=EXPLORATION, c_init=C_INIT, c_base=C_BASE,
    )  # fmt: skip
    steps = walked(await agent(QUESTION))

    assert world.asked[: len(reference.expanded)] == reference.expanded
    reference.pending = []
    for place in reference.valued:
        mean = sum(world.values[each] for each in reference.within(place, reference.valued)) / reference.n(place)
        assert steps[place].visits == reference.n(place)
        assert steps[place].value == pytest.approx(mean, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
async def test_noise_at_the_question_is_a_seeded_draw_mixed_into_the_priors(seed: int) -> None:
    world = grown(seed, depth=5)
    client = Client(world.model, sampling=Sampling(seed=seed))
    chance = random.Random(client.seed("u", "noise", "u/", 0))
    drawn = [chance.gammavariate(0.3, 1.0) for _ in world.steps[""]]
    reference = Reference(world, "puct", [part / sum(drawn) for part in drawn])
    reference.run(24, 1)
    await search(world, iterations=24, rule="puct", c_init=C_INIT, c_base=C_BASE, client=client, noise=0.25)(QUESTION)
    assert world.asked[: len(reference.expanded)] == reference.expanded


def test_noise_is_of_the_symmetric_dirichlet_distribution() -> None:
    """Its parts sum to 1, and have the mean 1/k and the variance (k - 1) / (k^2 (k alpha + 1))."""
    root, chance, parts = Node(Trajectory(QUESTION)), random.Random(1), []
    for _ in range(4000):
        children = [Node(Trajectory(QUESTION), root, prior=0.25) for _ in range(5)]
        children[4].closed, children[4].prior = True, 0.0
        add_dirichlet_noise(children, 0.5, 0.3, chance)
        assert sum(child.prior for child in children) == pytest.approx(1.0)
        assert children[4].prior == 0.0
        parts.append((children[0].prior - 0.125) / 0.5)
    mean = sum(parts) / len(parts)
    variance = sum((part - mean) ** 2 for part in parts) / len(parts)
    assert mean == pytest.approx(0.25, abs=0.02)
    assert variance == pytest.approx(3 / (16 * 2.2), abs=0.01)


def search(world: World, **options: object) -> SearchAgent:
    settings: dict = {"iterations": 100, "parallel": 1, **options}
    agent = mcts(world.policy(), grader=world.grader(), critic=no_critic(), **settings)
    assert isinstance(agent, SearchAgent)
    return agent


async def test_nothing_is_expanded_twice_and_a_search_ends_where_nothing_is_open() -> None:
    world = grown(5, depth=3)
    trajectories = await search(world, iterations=1000)(QUESTION)
    assert sorted(world.asked) == sorted(world.steps)
    assert {trajectory.stop for trajectory in trajectories} == {Stop.ANSWERED}
    assert sorted(world.graded) == sorted(world.values)


async def test_the_best_are_first_and_an_unfinished_path_is_never_the_answer() -> None:
    world = World({"": {"A": 0.5, "B": 0.5}, "A": {"C": 0.9}}, {"A": 0.9, "B": 0.2, "A/C": 0.4}, {"B": "7", "A/C": "8"})
    trajectories = await search(world, branch=2, iterations=1)(QUESTION)
    assert [(t.trajectory_id, t.answer, t.chosen, t.score) for t in trajectories] == [
        ("u/1", "7", True, 0.2),
        ("u/0", None, False, 0.9),
    ]
    whole = await search(world, branch=2, iterations=2)(QUESTION)
    assert next((trajectory.answer, trajectory.chosen) for trajectory in whole) == ("8", True)


async def test_without_a_solution_the_best_open_path_is_written_to_its_end() -> None:
    steps = {"": {"A": 0.5, "B": 0.5}, "A": {"C": 1.0}, "B": {"D": 1.0}, "B/D": {"E": 1.0}}
    world = World(steps, {"A": 0.1, "B": 0.6, "B/D": 0.5, "B/D/E": 0.7})
    trajectories = await search(world, branch=2, iterations=1)(QUESTION)
    assert world.asked == ["", "B", "B/D"]
    assert [(t.answer, t.chosen, t.score) for t in trajectories] == [("E", True, 0.7), (None, False, 0.1)]


async def test_the_final_move_is_by_visits_by_value_or_by_the_votes_of_the_whole_tree() -> None:
    steps = {"": {"A": 1, "B": 1, "C": 1}, "B": {"D": 1, "E": 1, "F": 1}}
    values = {"A": 0.8, "B": 0.5, "C": 0.3, "B/D": 0.5, "B/E": 0.6, "B/F": 0.1}
    world = World(steps, values, {"A": "1", "C": "3", "B/D": "2", "B/E": "2", "B/F": "3"})
    picks = {}
    for final in ("visits", "value", "vote"):
        trajectories = await search(world, final=final)(QUESTION)
        picks[final] = [(trajectory.answer, trajectory.score) for trajectory in trajectories if trajectory.chosen]
    # visits: B (4 of 6), and E below it; value: A; votes: 1 has .8, 2 has 1.1, 3 has .4
    assert picks == {"visits": [("2", 0.6)], "value": [("1", 0.8)], "vote": [("2", 0.6)]}


def test_the_rules_by_hand() -> None:
    root = Node(Trajectory(QUESTION), visits=9)
    child = Node(Trajectory(QUESTION), root, visits=4, total=2.0, prior=0.3)
    assert uct(0.5)(child) == pytest.approx(0.5 + 0.5 * math.sqrt(math.log(9) / 4))
    assert puct(1.25, 19652)(child) == pytest.approx(0.5 + 0.3 * (math.log(19662 / 19652) + 1.25) * 3 / 5)
    assert uct(0.5)(Node(Trajectory(QUESTION), root)) == math.inf
    assert puct(1.25, 19652)(Node(Trajectory(QUESTION), Node(Trajectory(QUESTION)), value=0.7)) == 0.7
    child.pending = root.pending = 1
    assert uct(0.5)(child) == pytest.approx(0.4 + 0.5 * math.sqrt(math.log(10) / 5))


@pytest.mark.parametrize(
    ("logs", "priors"),
    [((-1.0, -1.0), (0.5, 0.5)), ((math.log(0.6), math.log(0.2)), (0.75, 0.25)), ((None, -1.0), (0.5, 0.5)),
     ((-math.inf, -1.0), (0.0, 1.0)), ((-2000.0, -2000.0), (0.5, 0.5))],
)  # fmt: skip
def test_priors_are_the_probabilities_of_what_is_added(logs: tuple, priors: tuple) -> None:
    children = [
        Node(Trajectory(QUESTION).grow("x", number, logprob=log), Node(Trajectory(QUESTION)))
        for number, log in enumerate(logs)
    ]
    normalize_priors(children)
    assert [child.prior for child in children] == pytest.approx(priors)


@pytest.mark.parametrize("wrong", [{"iterations": 0}, {"parallel": 0}, {"final": "best"}, {"rule": "ucb"},
                                   {"noise": 0.25}, {"noise": 1.5, "rule": "puct"}, {"noise_alpha": 0.0}])  # fmt: skip
def test_what_is_wrong_is_said_at_once(wrong: dict) -> None:
    with pytest.raises(PartError, match=r"too few|there are uct, puct|noise is a share"):
        search(grown(1), **wrong)


def test_the_graph_has_the_nodes_that_all_graphs_share() -> None:
    agent = search(grown(1))
    assert list(agent.graph.get_graph().nodes) == ["__start__", "critique", "propose", "grade", "choose", "__end__"]
