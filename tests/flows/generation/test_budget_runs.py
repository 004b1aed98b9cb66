"""Budgets of whole runs: they end in order, say so, and the same command goes on."""

import asyncio
from collections.abc import Callable

import pytest

from redraft.flows.generate import generate
from redraft.flows.summary.summary import caveats
from redraft.llm.limits import Budget
from redraft.llm.model import Choice, Finish, Model, Reply, Request
from redraft.llm.scripted import Scripted
from redraft.llm.usage import Amount, Usage
from redraft.store.problems import Problem
from redraft.store.tables.store import Store

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]


@pytest.fixture
def store(tmp_path: object) -> Store:
    return Store(f"{tmp_path}/redraft.duckdb")


async def test_a_run_whose_budget_is_used_up_goes_on_with_a_new_one(store: Store, sums: Sums, adder: Adder) -> None:
    model = adder(lambda number, sample, turn: number % 2 == 0)
    job = {"db": store, "model": model, "strategy": "self_consistency", "samples": 1, "concurrency": 1}

    first = await generate(sums(10), **job, budget=Budget(calls=4))

    assert first.spent == "The run's budget of 4 calls is used up."
    assert first.used is not None
    assert first.used.calls == 4
    assert (first.problems, first.graded_problems, first.failed) == (10, 4, 0)
    assert first.pass_at_1 == 0.5
    assert first.chosen is not None
    assert first.chosen.estimate == 0.5  # of the four that were reached
    assert store.query("SELECT status, facts->>'reason' FROM runs").rows == [("budget", first.spent)]
    cut = store.query("SELECT count(*) FROM trajectories WHERE stop = 'budget'").rows
    assert cut == [(1,)]

    second = await generate(sums(10), **job)

    assert (second.spent, second.graded_problems, second.calls) == (None, 10, 6)
    assert len(model.requests) == 10
    assert store.query("SELECT count(*) FROM trajectories WHERE stop = 'budget'").rows == [(0,)]
    assert store.query("SELECT problems, samples FROM pass_at_k WHERE draft = 'first'").rows == [(10, 10)]


async def test_what_is_cut_short_is_in_no_statistic(store: Store, sums: Sums, adder: Adder) -> None:
    """One call is left for the first problem's two samples: the second one is not reached."""
    model = adder(lambda number, sample, turn: True)
    summary = await generate(
        sums(1), db=store, model=model, strategy="correct", arguments={"feedback": "none", "turns": 3}, samples=1,
        concurrency=1, budget=Budget(calls=2),
    )  # fmt: skip

    assert summary.spent is not None
    assert store.query("SELECT stop, turns, answer FROM trajectories").rows == [("budget", 2, "2")]
    assert store.query("SELECT count(*) FROM grades").rows == [(0,)]
    assert store.query("SELECT count(*) FROM pass_at_k").rows == [(0,)]


async def test_a_problems_own_budget_is_part_of_the_result(store: Store, sums: Sums, adder: Adder) -> None:
    model = adder(lambda number, sample, turn: turn > 1)
    job = {
        "db": store, "model": model, "strategy": "correct", "arguments": {"feedback": "none", "turns": 2}, "samples": 1,
    }  # fmt: skip

    once = await generate(sums(3), **job, problem_budget=Budget(calls=1))
    again = await generate(sums(3), **job, problem_budget=Budget(calls=1))
    more = await generate(sums(3), **job)

    assert (once.spent, once.pass_at_1, once.redrafted) == (None, 0.0, 0)
    assert (again.recipe, again.calls) == (once.recipe, 0)
    assert more.recipe != once.recipe
    assert more.last is not None
    assert more.last.estimate == 1.0
    rows = store.query(f"SELECT DISTINCT stop, reason, correct FROM trajectories WHERE recipe = '{once.recipe}'").rows
    assert rows == [("budget", "The problem's budget of 1 call is used up.", False)]


def test_what_is_left_of_a_budget() -> None:
    budget = Budget(calls=10, tokens=500, usd=2.0, seconds=60.0)
    assert budget.minus(Amount(3, 100, 0.5), 15.0) == Budget(7, 400, 1.5, 45.0)
    assert budget.minus(Amount(30, 1000, 5.0), 90.0) == Budget(0, 0, 0.0, 0.0)
    assert Budget().minus(Amount(1, 1, 1.0), 1.0) == Budget()


class Slow(Model):
    """Answers after a while; `calls` counts."""

    name = "slow"
    remote = False

    def __init__(self) -> None:
        self.calls = 0

    async def complete(self, request: Request) -> Reply:
        self.calls += 1
        await asyncio.sleep(0.3)
        return Reply((Choice("The answer is \\boxed{2}", Finish.END, 5),) * request.n, Usage(5, 5))


async def test_a_call_that_a_runs_time_cuts_is_on_record_and_made_again_later(store: Store, sums: Sums) -> None:
    model = Slow()
    job = {"db": store, "model": model, "strategy": "self_consistency", "samples": 2, "concurrency": 4}

    first = await generate(sums(4), **job, budget=Budget(seconds=0.15))

    assert first.spent == "The run's budget of 0.15 seconds is used up."
    assert (first.pass_at_1, first.graded_problems) == (None, 0)
    assert store.query("SELECT status FROM runs").rows == [("budget",)]
    assert store.query("SELECT count(*), count(error) FROM calls").rows == [(model.calls, model.calls)]

    second = await generate(sums(4), **job)

    assert (second.spent, second.graded_problems, second.pass_at_1) == (None, 4, 0.25)


async def test_drafts_that_a_problems_budget_did_not_reach_are_no_wrong_answers(store: Store, sums: Sums) -> None:
    summary = await generate(
        sums(3), db=store, model=Slow(), strategy="self_consistency", samples=2, problem_budget=Budget(calls=0)
    )

    assert (summary.ended_by_budget, summary.trajectories, summary.pass_at_1) == (6, 6, None)
    assert store.query("SELECT count(*) FROM trajectories WHERE correct IS NOT NULL").rows == [(0,)]
    assert store.query("SELECT count(*) FROM pass_at_k").rows == [(0,)]
    assert caveats(summary)[0] == (
        "6 of 6 trajectories ended because their problem's budget was used up; the accuracies leave out trajectories"
        " without a draft."
    )
