"""The share of right samples of each problem, on a store made by hand, and what follows whole series of rounds."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from redraft.flows.display.progress import Silent
from redraft.flows.generate import generate
from redraft.flows.self_training.decision import accuracy, change, decide, fell, shares
from redraft.graders.statistics import mean_interval, pass_at_k
from redraft.llm.model import ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.tables.rounds import Estimate, Round

RIGHT = {1: 4, 2: 1, 3: 0}
"""How many of four samples of 1 + 1, 2 + 2 and 3 + 3 are right."""


@pytest.fixture
def measured(tmp_path: Path, sums: Callable[..., list[Problem]], adder: Callable[..., Scripted]) -> tuple[Store, str]:
    model = adder(lambda number, sample, turn: sample < RIGHT[number])
    store = Store(tmp_path / "r.duckdb")
    given = {"strategy": "best_of_n", "samples": 4, "model": model, "progress": Silent()}
    found = asyncio.run(generate(sums(3), db=store, replicate="held-out", **given))
    asyncio.run(generate(sums(1), db=store, replicate="another", **given))
    return store, found.recipe


def test_a_share_is_the_unbiased_pass_at_1(measured: tuple[Store, str]) -> None:
    store, recipe = measured
    found = shares(store, recipe, "held-out")
    expected = [pass_at_k(4, right, 1) for right in RIGHT.values()]
    assert sorted(found.values(), reverse=True) == expected
    interval = mean_interval(list(found.values()))
    assert accuracy(found) == Estimate(interval.estimate, interval.low, interval.high)
    assert accuracy({}) == Estimate()


def test_other_recipes_and_replicates_do_not_count(measured: tuple[Store, str]) -> None:
    store, recipe = measured
    assert list(shares(store, recipe, "another").values()) == [1.0]
    assert shares(store, recipe, "") == shares(store, "another", "held-out") == {}


def test_a_sample_that_failed_is_no_wrong_one(tmp_path: Path, sums: Callable[..., list[Problem]]) -> None:
    def script(request: Request, index: int) -> str:
        if index == 3:
            raise ModelError("The provider is away.")
        return "#### 2" if index == 0 else "#### 3"

    store = Store(tmp_path / "r.duckdb")
    given = {"strategy": "best_of_n", "samples": 4, "model": Scripted(script), "progress": Silent()}
    found = asyncio.run(generate(sums(1), db=store, **given))
    judged = store.query("SELECT count(correct) FROM samples").rows[0][0]
    [share] = shares(store, found.recipe, "").values() or [None]
    assert judged in (0, 3)
    assert share == (pytest.approx(1 / 3) if judged else None)


@pytest.mark.parametrize(
    ("moves", "decisions"),
    [
        ([0.2, 0.2, 0.2], ["go on", "go on", "go on"]),
        ([0.2, 0.0, 0.0], ["go on", "go on", "stop"]),
        ([0.0, 0.2, 0.0], ["go on", "go on", "go on"]),
        ([-0.2, 0.2, -0.2], ["take back", "go on", "take back"]),
        ([-0.2, -0.2], ["take back", "stop"]),
    ],
)
def test_a_series_of_rounds(moves: list[float], decisions: list[str]) -> None:
    """Each move shifts the shares of 40 problems; a policy that fell is not compared with later."""
    policy = {str(number): 0.5 for number in range(40)}
    first = Round(loop_id="l", round=0, state="evaluated", method="rft", config={}, run_id="r")
    rounds = [first]
    for number, move in enumerate(moves, 1):
        noise = {name: 0.1 * (-1) ** int(name) for name in policy}
        now = {name: share + move + noise[name] for name, share in policy.items()}
        found = change(now, policy)
        decision, _ = decide(found, rounds)
        rounds.append(replace(first, round=number, change=found, decision=decision))
        policy = policy if fell(rounds[-1]) else {name: share + move for name, share in policy.items()}
    assert [one.decision for one in rounds[1:]] == decisions
