"""The final answer: which solution is chosen by visits, by value and by a vote, and the completion without one."""

import pytest

from redraft.agents.search.final_answer import (
    FINAL_RULES,
    best_node,
    complete_best_node,
    solutions,
    vote_winner,
)
from redraft.agents.search.node import Node
from redraft.agents.search.search import PATIENCE, Search
from redraft.store.trajectory import Stop
from world import QUESTION, World, state

WORLD = {"": {"A": 1, "B": 1, "C": 1}, "A": {"D": 1, "E": 1}, "B": {"F": 1, "G": 1}, "C": {"H": 1}, "C/H": {"I": 1}}
ANSWERS = {"A/D": "1", "A/E": "2", "B/F": "2.0", "B/G": "3"}


async def explored(values: dict[str, tuple[float | None, int]]) -> tuple[Search, dict[str, Node]]:
    """A search that has expanded the question, A, B and C, with these values and visits."""
    world = World(WORLD, answers=ANSWERS)
    search = Search(QUESTION)
    top = await search.expand(world.policy(), search.root, 3)
    await search.expand_all(world.policy(), top, [2, 2, 1])
    nodes = {state(node.trajectory.text()): node for node in search.nodes}
    for place, (value, visits) in values.items():
        nodes[place].value, nodes[place].visits = value, visits
    return search, nodes


async def test_each_rule_may_choose_another_solution() -> None:
    search, nodes = await explored(
        {"A": (0.1, 5), "B": (0.2, 3), "A/D": (0.3, 4), "A/E": (0.4, 1), "B/F": (0.5, 2), "B/G": (0.8, 1)}
    )
    chosen = {name: rule(search) for name, rule in FINAL_RULES.items()}
    # "2" and "2.0" are one answer: 0.4 + 0.5 outvotes 0.8. Its better solution stands for it.
    assert chosen == {"visits": nodes["A/D"], "value": nodes["B/G"], "vote": nodes["B/F"]}


async def test_the_most_visited_way_passes_over_unfinished_trajectories() -> None:
    search, nodes = await explored({"C": (0.9, 9), "C/H": (0.9, 8), "B": (0.2, 3), "B/G": (0.2, 1)})
    assert FINAL_RULES["visits"](search) is nodes["B/G"]


async def test_of_equal_visits_the_value_decides_and_then_the_order() -> None:
    search, nodes = await explored({"A": (0.1, 2), "B": (0.2, 2), "A/D": (0.1, 1), "B/F": (0.2, 1), "B/G": (0.2, 1)})
    assert FINAL_RULES["visits"](search) is nodes["B/F"]
    assert FINAL_RULES["value"](search) is nodes["B/F"]


async def test_a_solution_without_a_value_is_never_chosen() -> None:
    search, nodes = await explored({"A/D": (None, 7), "A": (0.9, 7), "B": (0.1, 1), "B/G": (0.0, 1)})
    assert solutions(search) == [nodes["B/G"]]
    assert {rule(search) for rule in FINAL_RULES.values()} == {nodes["B/G"]}


@pytest.mark.parametrize("rule", FINAL_RULES)
async def test_without_a_solution_there_is_no_answer(rule: str) -> None:
    assert FINAL_RULES[rule](Search(QUESTION)) is None
    search, _ = await explored({"C": (0.9, 3)})
    assert FINAL_RULES[rule](search) is None


def test_of_no_nodes_there_is_no_best() -> None:
    assert best_node([]) is None
    assert vote_winner([]) is None


async def test_the_best_open_node_is_written_to_its_end() -> None:
    steps = {"": {"A": 1, "B": 1}, "A": {"C": 1}, "B": {"D": 1}, "B/D": {"E": 1}}
    world = World(steps)
    search = Search(QUESTION)
    first, second = await search.expand(world.policy(), search.root, 2)
    first.value, second.value = 0.2, 0.7
    added = await complete_best_node(search, world.policy(), 9)
    assert [state(node.trajectory.text()) for node in added] == ["B/D", "B/D/E"]
    assert (added[-1].answered, world.asked) == (True, ["", "B", "B/D"])
    assert await complete_best_node(search, world.policy(), 9) == []  # there is a solution now


async def test_the_completion_stops_at_the_depth_and_at_a_failure() -> None:
    steps = {"": {"A": 1}, "A": {"B": 1}, "A/B": {"C": 1}, "A/B/C": {"D": 1}}
    world = World(steps, broken=frozenset({"A/B"}))
    search = Search(QUESTION)
    await search.expand(world.policy(), search.root, 1)
    [node] = await complete_best_node(search, world.policy(), 2)
    assert (state(node.trajectory.text()), node.depth, node.trajectory.stop) == ("A/B", 2, None)
    assert await complete_best_node(search, world.policy(), 9) == []
    assert (node.trajectory.stop, node.trajectory.reason) == (Stop.FAILED, "The line is dead.")


async def test_nothing_is_completed_after_a_budgets_end_or_too_many_failures() -> None:
    world = World({"": {"A": 1}, "A": {"B": 1}})
    for spent, failures in ((True, 0), (False, PATIENCE)):
        search = Search(QUESTION, spent=spent, failures=failures)
        await search.expand(world.policy(), search.root, 1)
        assert await complete_best_node(search, world.policy(), 9) == []
    assert world.asked == ["", ""]


async def test_closed_nodes_are_not_completed() -> None:
    world = World({"": {"A": 1, "B": 1}, "A": {"C": 1}, "B": {"D": 1}})
    search = Search(QUESTION)
    first, second = await search.expand(world.policy(), search.root, 2)
    first.value, second.value = 0.9, None
    first.close()
    [node] = await complete_best_node(search, world.policy(), 9)
    assert state(node.trajectory.text()) == "B/D"
