"""The history of a method in a real store: its drafts turn by turn, its picks, and whose cost is whose."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.evaluation.history import RIGHT, Cost, History, history
from redraft.flows.generate import generate
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]


def test_costs_add_up_by_their_kinds() -> None:
    cost = Cost(1.0, 2.0, 3.0, 4.0)
    assert cost + Cost(0.5, 0.5, 0.5, 0.5) == Cost(1.5, 2.5, 3.5, 4.5)
    assert cost + Cost() == cost
    assert cost.times(2) == Cost(2.0, 4.0, 6.0, 8.0)
    assert cost.times(0).values() == (0.0, 0.0, 0.0, 0.0)


@pytest.fixture
async def corrected(tmp_path: Path, sums: Sums, adder: Adder) -> Callable[..., History]:
    """Three sums under `correct` with two turns and two samples: the first sample is right from turn 2 on, the second
    never; nobody knows the answer of the third sum."""
    store = Store(tmp_path / "r.duckdb")
    problems = [*sums(2), Problem("What is 9 + 9?", None, source="sums")]
    model = adder(lambda number, sample, turn: sample == 0 and turn == 2)
    arguments: dict[str, Any] = {"feedback": "none", "turns": 2}
    found = await generate(problems, db=store, model=model, strategy="correct", samples=2, arguments=arguments)

    def read(count: int = 3, **options: Any) -> History:
        return history(store, found.recipe, "", [one.problem_id for one in problems[:count]], **options)

    return read


def votes(found: History) -> dict[str, list[list[str | None]]]:
    return {name: [[draft.vote for draft in path] for path in paths] for name, paths in found.paths.items()}


async def test_each_trajectory_has_its_drafts_in_order(corrected: Callable[..., History]) -> None:
    found = corrected()
    # A redraft is asked for by itself, as sample 0 of its call: both samples are right in turn 2.
    first, second = sorted(votes(found).values(), key=str)
    assert (first, second) == ([["3", RIGHT]] * 2, [["5", RIGHT]] * 2)
    assert {draft.text_change is None for paths in found.paths.values() for path in paths for draft in path[:1]} == {
        True
    }
    changes = [draft.text_change for paths in found.paths.values() for path in paths for draft in path[1:]]
    assert changes == [pytest.approx(1 / len("I add.\n\nThe answer is \\boxed{3}"))] * 4  # one letter of so many
    assert (found.undecided, found.oracle_used) == (0, False)


async def test_problems_without_a_known_answer_have_no_drafts_and_no_pick(corrected: Callable[..., History]) -> None:
    found = corrected()
    assert len(found.paths) == 2
    assert sorted(found.picks.values()) == [True, True]
    assert sorted(found.samples.values()) == [2, 2, 2]


async def test_a_turn_costs_one_trajectory_its_share_of_the_problems_calls(corrected: Callable[..., History]) -> None:
    found = corrected(1)
    [costs] = found.costs.values()
    # A draft is 6 words. Turn 1 is one call for 2 samples, turn 2 a call for each of them.
    assert [(turn, cost.tokens, cost.calls) for turn, cost in costs.items()] == [(1, 6.0, 1.0), (2, 6.0, 1.0)]
    [alone] = corrected(1, alone=True).costs.values()
    assert alone[1].prompt_tokens == 2 * costs[1].prompt_tokens
    assert alone[2].prompt_tokens == costs[2].prompt_tokens


async def test_the_first_samples_alone_may_be_read(corrected: Callable[..., History]) -> None:
    found = corrected(2, samples=1)
    assert [len(paths) for paths in found.paths.values()] == [1, 1]
    assert sorted(found.samples.values()) == [2, 2]  # they share the cost of all


async def test_equal_first_prompts_have_one_hash(corrected: Callable[..., History]) -> None:
    prompts = corrected().first_prompts
    assert len(prompts) == len(set(prompts.values())) == 3


async def test_another_recipe_has_nothing(corrected: Callable[..., History], tmp_path: Path) -> None:
    found = history(Store(tmp_path / "r.duckdb"), "nosuch", "", ["p"])
    assert (found.paths, found.picks, found.costs, found.samples) == ({}, {}, {}, {})
    assert not corrected(0).paths


async def test_a_grader_that_did_not_grade_has_no_scores(corrected: Callable[..., History]) -> None:
    found = corrected(2, grader="prm")
    assert {draft.score for paths in found.paths.values() for path in paths for draft in path} == {None}
    assert found.graded is False
