"""Tree of Thoughts in a scripted world, breadth first and depth first, against the definition in the plainest words."""

import random

import pytest

from redraft.agents.critics.none import none as no_critic
from redraft.agents.policies.policy import stepwise
from redraft.agents.search.search import SearchAgent
from redraft.agents.strategies.tree_search.tree_of_thoughts import tree_of_thoughts
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget
from redraft.llm.model import Choice, Finish, Request
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.journal import Journal
from redraft.store.trajectory import Role, Stop
from world import QUESTION, World, grown, state


def search(world: World, **options: object) -> SearchAgent:
    settings: dict = {"grader": world.grader(), "critic": no_critic(), "k": 3, "b": 2, **options}
    agent = tree_of_thoughts(world.policy(), client=Client(world.model), **settings)
    assert isinstance(agent, SearchAgent)
    return agent


def below(world: World, place: str) -> list[str]:
    return [world.below(place, name) for name in world.steps.get(place, ())]


@pytest.mark.parametrize("select", ["greedy", "sample"])
@pytest.mark.parametrize("seed", range(10))
async def test_breadth_first_keeps_b_of_all_candidates_a_level(seed: int, select: str) -> None:
    world = grown(seed, depth=5)
    trajectories = await search(world, select=select)(QUESTION)
    kept, asked, number = [""], [], 0
    while any(place in world.steps for place in kept):
        number += 1
        opened = [place for place in dict.fromkeys(kept) if place in world.steps]
        asked += opened
        pool = [place for place in kept if place not in world.steps]
        pool += [child for place in opened for child in below(world, place)]
        values = [world.values[place] for place in pool]
        if select == "greedy":
            kept = sorted(pool, key=world.values.__getitem__, reverse=True)[:2]
        else:
            chance = random.Random(Client(world.model).seed("u", "select", "u/", number))
            kept = chance.choices(pool, values, k=2)
    assert world.asked == asked
    [chosen] = [trajectory for trajectory in trajectories if trajectory.chosen]
    assert chosen.score == max(world.values[place] for place in kept)
    assert {trajectory.role for trajectory in trajectories} == {Role.SEARCH}


@pytest.mark.parametrize("seed", range(10))
async def test_depth_first_tries_the_best_first_and_prunes(seed: int) -> None:
    world = grown(seed, depth=5)
    trajectories = await search(world, method="dfs", threshold=0.4)(QUESTION)
    asked: list[str] = []

    def descend(place: str) -> str | None:
        if place not in world.steps:
            return place
        asked.append(place)
        good = [child for child in below(world, place) if world.values[child] >= 0.4]
        tries = sorted(good, key=world.values.__getitem__, reverse=True)[:2]
        return next((found for child in tries if (found := descend(child))), None)

    found = descend("")
    assert world.asked[: len(asked)] == asked
    if found:
        assert [trajectory.score for trajectory in trajectories if trajectory.chosen] == [world.values[found]]
    few = await search(grown(seed, depth=5), method="dfs", visits=2)(QUESTION)
    assert len([trajectory for trajectory in few if trajectory.chosen]) <= 1


async def test_a_model_that_proposes_and_judges_itself_solves_it() -> None:
    def script(request: Request, index: int) -> Choice:
        asked = request.messages[-1].content
        if "best choice" in asked:
            choices = asked.split("Choice ")[1:]
            at = 1 + ["bad" in choice for choice in choices].index(False)
            return Choice(f"The best choice is {at}", Finish.END, 5)
        if "sure, likely or impossible" in asked:
            return Choice("impossible" if "bad" in asked else "sure", Finish.END, 1)
        ends = len(request.messages) > 1
        texts = ("bad \\boxed{1}", "good \\boxed{2}") if ends else ("bad way", "good way")
        return Choice("\n".join(texts), Finish.END, 6)

    for method in ("bfs", "dfs"):
        for evaluate in ("value", "vote"):
            client = Client(Scripted(script), journal=Journal(None))
            settings: dict = {"method": method, "evaluate": evaluate, "generate": "propose", "k": 2, "b": 1}
            world = World({})
            agent = tree_of_thoughts(
                stepwise(client), client=client, grader=world.grader(), critic=no_critic(), **settings
            )
            trajectories = await agent(QUESTION)
            told = [(t.answer, t.score, t.trajectory_id) for t in trajectories if t.chosen]
            assert told == [("2", 1.0, "u/1.1")], (method, evaluate)
            grades = [(grade.grader, grade.value) for trajectory in trajectories for grade in trajectory.grades]
            assert (evaluate, 1.0) in grades
            calls = [call for call, _ in client.journal.calls("u")] if client.journal else []
            assert [call.purpose for call in calls].count("propose") == 2
            proposed = sum(call.completion_tokens for call in calls if call.purpose == "propose")
            assert proposed == sum({step.step_id: step.tokens for t in trajectories for step in t.steps}.values()) == 12


@pytest.mark.parametrize("method", ["bfs", "dfs"])
async def test_failures_and_missing_values_are_no_scores(method: str) -> None:
    steps = {"": {"A": 1, "B": 1, "C": 1}, "A": {"D": 1}, "B": {"E": 1}, "C": {"F": 1}}
    world = World(steps, {"A": 0.9, "C": 0.1, "C/F": 0.2}, broken=frozenset({"A"}))
    trajectories = await search(world, method=method)(QUESTION)
    told = {t.trajectory_id: (t.stop, t.answer, t.score) for t in trajectories}
    assert told["u/0"] == (Stop.FAILED, None, 0.9)
    assert told["u/1"] == (None, None, None)
    assert [trajectory.answer for trajectory in trajectories if trajectory.chosen] == ["F"]
    assert "B" not in world.asked


@pytest.mark.parametrize("method", ["bfs", "dfs"])
async def test_a_budget_ends_it(method: str) -> None:
    world = World({"": {"A": 1}, "A": {"B": 1}, "A/B": {"C": 1}}, {"A": 0.5, "A/B": 0.5, "A/B/C": 0.5})
    client = Client(world.model, journal=Journal(None), problem_budget=Budget(calls=2))
    settings: dict = {"grader": world.grader(), "critic": no_critic(), "method": method}
    trajectories = await tree_of_thoughts(stepwise(client), client=client, **settings)(QUESTION)
    assert [state(request.prefix) for request in world.model.requests] == ["", "A"]
    assert [(t.stop, t.answer) for t in trajectories if t.stop is Stop.BUDGET] == [(Stop.BUDGET, None)]


@pytest.mark.parametrize("wrong", [{"k": 0}, {"method": "ids"}, {"generate": "all"}, {"evaluate": "likelihood"}])
def test_what_is_wrong_is_said_at_once(wrong: dict) -> None:
    with pytest.raises(PartError, match=r"too few|; there are "):
        search(World({}), **wrong)


def test_a_model_that_knows_only_forms_of_its_own_can_not_judge_in_words() -> None:
    client, world = Client(embedded()), World({})
    with pytest.raises(PartError, match="set generate=sample and evaluate=grader"):
        tree_of_thoughts(stepwise(client), client=client, grader=world.grader(), critic=no_critic(), evaluate="vote")
