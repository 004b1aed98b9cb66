"""Beam search, and lookahead over it, in a scripted world: against the definition in the plainest words."""

import pytest

from redraft.agents.critics.critic import Critique, Opinion
from redraft.agents.critics.none import none as no_critic
from redraft.agents.policies.policy import stepwise
from redraft.agents.search.search import SearchAgent
from redraft.agents.strategies.tree_search.beam import beam
from redraft.agents.strategies.tree_search.lookahead import lookahead
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.store.errors import PartError
from redraft.store.journal import Journal
from redraft.store.trajectory import Role, Stop, Trajectory
from world import QUESTION, World, grown, walked


def search(world: World, k: int = 0, **options: object) -> SearchAgent:
    settings: dict = {"n": 6, "width": 3, "grader": world.grader(), "critic": no_critic(), **options}
    if k:
        agent = lookahead(world.policy(), client=Client(world.model), k=k, **settings)
    else:
        agent = beam(world.policy(), **settings)
    assert isinstance(agent, SearchAgent)
    return agent


class Reference:
    """What the docstrings say, on the world itself."""

    def __init__(self, world: World, n: int, width: int, k: int) -> None:
        self.world, self.n, self.width, self.k = world, n, width, k
        self.asked: list[str] = []
        self.done: list[str] = []
        self.tree: set[str] = set()

    def run(self, iterations: int) -> None:
        kept = [""]
        for number in range(iterations):
            replicas = (kept * self.n)[: self.n]
            self.asked += kept
            drawn = [place for one in kept for place in self.below(one)[: replicas.count(one)]]
            self.tree |= set(drawn)
            if number == iterations - 1:
                drawn = [self.to_end(place) for place in drawn]
            self.done += [place for place in drawn if place not in self.world.steps]
            opened = [place for place in drawn if place in self.world.steps]
            kept = sorted(opened, key=self.value, reverse=True)[: self.n // self.width]
            if not kept:
                return

    def below(self, place: str) -> list[str]:
        return [self.world.below(place, name) for name in self.world.steps[place]]

    def to_end(self, place: str) -> str:
        while place in self.world.steps:
            place = self.below(place)[0]
            self.tree.add(place)
        return place

    def value(self, place: str) -> float:
        for _ in range(self.k):
            place = self.below(place)[0] if place in self.world.steps else place
        return self.world.values[place]

    @property
    def answer(self) -> str:
        return max(self.done, key=self.world.values.__getitem__)


@pytest.mark.parametrize("k", [0, 1, 3])
@pytest.mark.parametrize("iterations", [2, 40])
@pytest.mark.parametrize("seed", range(8))
async def test_what_goes_on_is_what_the_definition_says(seed: int, iterations: int, k: int) -> None:
    world = grown(seed, branch=4, depth=5)
    reference = Reference(world, 6, 3, k)
    reference.run(iterations)
    trajectories = await search(world, k, iterations=iterations)(QUESTION)
    tree = walked(trajectory for trajectory in trajectories if trajectory.role is Role.SEARCH)
    assert set(tree) == reference.tree
    ended = {t.text() for t in trajectories if t.role is Role.SEARCH and t.stop is Stop.ANSWERED}
    assert len(ended) == len(set(reference.done))
    [chosen] = [trajectory for trajectory in trajectories if trajectory.chosen]
    assert chosen.answer == world.answer(reference.answer)
    if not k and iterations == 40:
        assert world.asked == reference.asked


async def test_replicas_are_siblings_and_each_token_counts_once() -> None:
    steps = {"": {"A": 1, "B": 1}, "A": {"C": 1, "D": 1, "E": 1, "F": 1}, "B": {"G": 1}}
    world = World(steps, {"A": 0.9, "B": 0.2, "A/C": 0.3, "A/D": 0.7, "A/E": 0.7, "A/F": 0.1})
    journal = Journal(None)
    policy = stepwise(Client(world.model, journal=journal))
    trajectories = await beam(policy, grader=world.grader(), critic=no_critic(), n=4, width=4)(QUESTION)
    assert [(t.trajectory_id, t.answer, t.score, t.chosen) for t in trajectories] == [
        ("u/0.1", "D", 0.7, True), ("u/0.2", "E", 0.7, False), ("u/0.0", "C", 0.3, False),
        ("u/0.3", "F", 0.1, False), ("u/1", None, 0.2, False), ("u/2", None, None, False), ("u/3", None, None, False),
    ]  # fmt: skip
    calls = [call for call, _ in journal.calls("u")]
    assert [(call.purpose, call.place, call.first, call.n) for call in calls] == [
        ("propose", "u/", 0, 4),
        ("propose", "u/0", 0, 4),
    ]
    steps_told = {step.step_id: step.tokens for trajectory in trajectories for step in trajectory.steps}
    assert sum(steps_told.values()) == sum(call.completion_tokens for call in calls) == 8
    told = {step.step_id: (step.visits, step.value) for trajectory in trajectories for step in trajectory.steps}
    assert told["u/0"] == (5, 0.9)
    assert told["u/0.3"] == (1, 0.1)


async def test_shares_that_do_not_come_out_even_go_to_the_best() -> None:
    names = dict.fromkeys("ABCDEF", 1.0)
    world = World({"": names, "A": names, "B": names, "C": names}, {"A": 0.3, "B": 0.9, "C": 0.6} | {"D": 0.1})
    await search(world, n=8, width=2, iterations=2)(QUESTION)
    assert [(request.prefix, request.n) for request in world.model.requests[1:4]] == [
        ("B\n\n", 3), ("C\n\n", 3), ("A\n\n", 2),
    ]  # fmt: skip


async def test_a_vote_sums_values_of_equal_answers() -> None:
    values = {"A": 0.6, "B": 0.4, "C": 0.5}
    world = World({"": dict.fromkeys("ABC", 1.0)}, values, {"A": "1", "B": "2", "C": "2"})
    trajectories = await search(world, n=3, final="vote")(QUESTION)
    assert [(trajectory.answer, trajectory.score) for trajectory in trajectories if trajectory.chosen] == [("2", 0.5)]


async def test_failures_are_no_scores_and_the_rest_goes_on() -> None:
    steps = {"": {"A": 1, "B": 1, "C": 1}, "A": {"D": 1}, "B": {"E": 1}, "C": {"F": 1}}
    world = World(steps, {"A": 0.9, "C": 0.1, "C/F": 0.2}, broken=frozenset({"A"}))
    trajectories = await search(world, n=3, width=1)(QUESTION)
    told = {t.trajectory_id: (t.stop, t.answer, t.score, t.chosen) for t in trajectories}
    assert told["u/0"] == (Stop.FAILED, None, 0.9, False)
    assert told["u/1"] == (None, None, None, False)  # nobody knows its value
    assert told["u/2.0"] == (Stop.ANSWERED, "F", 0.2, True)


async def test_a_beam_that_dies_out_has_the_best_open_path_written_to_its_end() -> None:
    steps = {"": {"A": 1, "B": 1}, "A": {"C": 1}, "B": {"D": 1}}
    world = World(steps, {"A": 0.9, "B": 0.4, "B/D": 0.3}, silent=frozenset({"A"}))
    trajectories = await search(world, n=2, width=2)(QUESTION)
    assert [(trajectory.trajectory_id, trajectory.answer, trajectory.stop) for trajectory in trajectories] == [
        ("u/1.0", "D", Stop.ANSWERED),
        ("u/0", None, Stop.DEAD_END),
    ]


@pytest.mark.parametrize("k", [0, 1])
async def test_a_budget_ends_it_and_what_there_is_is_kept(k: int) -> None:
    world = grown(7, branch=4, depth=5)
    client = Client(world.model, journal=Journal(None), problem_budget=Budget(calls=3))
    settings: dict = {"grader": world.grader(), "critic": no_critic(), "n": 4, "width": 2}
    policy = stepwise(client)
    agent = lookahead(policy, client=client, k=k, **settings) if k else beam(policy, **settings)
    trajectories = await agent(QUESTION)
    assert len(world.asked) == 3
    assert Stop.BUDGET in {trajectory.stop for trajectory in trajectories}


async def test_rollouts_are_apart_and_counted() -> None:
    steps = {"": {"A": 1, "B": 1}, "A": {"C": 1}, "B": {"D": 1, "E": 1}, "A/C": {"F": 1}}
    world = World(steps, {"A": 0.9, "B": 0.1, "A/C": 0.2, "B/D": 0.6, "B/E": 0.5, "A/C/F": 0.3})
    journal = Journal(None)
    client = Client(world.model, journal=journal)
    agent = lookahead(stepwise(client), client=client, grader=world.grader(), critic=no_critic(), n=2, width=2)
    trajectories = await agent(QUESTION)
    assert {t.trajectory_id: (t.role, t.score, t.answer) for t in trajectories} == {
        "u/1.1": (Role.SEARCH, 0.6, "D"),  # the rollout below B is number 0, and D is drawn anew
        "u/1.2": (Role.SEARCH, 0.5, "E"),
        "u/0": (Role.SEARCH, 0.2, None),  # A, .9 by itself, leads to .2
        "u/0.0": (Role.ROLLOUT, 0.2, None),
        "u/1.0": (Role.ROLLOUT, 0.6, "D"),
    }
    calls = [(call.purpose, call.place, call.n, call.params["temperature"]) for call, _ in journal.calls("u")]
    assert sorted(calls) == [
        ("propose", "u/", 2, 1.0), ("propose", "u/1", 2, 1.0), ("rollout", "u/0", 1, 0.0), ("rollout", "u/1", 1, 0.0),
    ]  # fmt: skip


async def test_a_rollout_that_fails_is_no_value() -> None:
    steps = {"": {"A": 1, "B": 1}, "A": {"C": 1}, "B": {"D": 1}}
    world = World(steps, {"A": 0.9, "B": 0.1, "B/D": 0.2}, broken=frozenset({"A"}))
    trajectories = await search(world, 1, n=2, width=2)(QUESTION)
    told = {trajectory.trajectory_id: (trajectory.stop, trajectory.score) for trajectory in trajectories}
    assert told["u/0"] == (Stop.FAILED, None)
    assert [trajectory.answer for trajectory in trajectories if trajectory.chosen] == ["D"]


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 5, "width": 2}, {"iterations": 0}, {"final": "visits"}])
def test_what_is_wrong_is_said_at_once(wrong: dict) -> None:
    with pytest.raises(PartError, match=r"too few|multiple|there are value, vote"):
        search(World({"": {"A": 1}}), **wrong)
    with pytest.raises(PartError, match="k=-1 is too few"):
        search(World({}), k=-1)


def test_a_round_is_one_node_of_the_graph_and_a_critic_another() -> None:
    async def critic(trajectory: Trajectory) -> Critique:
        return Critique(Opinion.GO_ON)

    plain, criticised = search(grown(1)), search(grown(1), critic=critic)
    assert list(plain.graph.get_graph().nodes) == ["__start__", "propose", "choose", "__end__"]
    assert list(criticised.graph.get_graph().nodes) == ["__start__", "critique", "propose", "choose", "__end__"]
    ways = {(edge.source, edge.target) for edge in criticised.graph.get_graph().edges}
    assert {("propose", "critique"), ("propose", "choose"), ("critique", "propose"), ("choose", "__end__")} <= ways
