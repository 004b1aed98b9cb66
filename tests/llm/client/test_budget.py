"""Budgets: reservation, waiting for what others give back, and that none is ever exceeded."""

import asyncio
import random
import re
from dataclasses import dataclass, field

import pytest

from redraft.llm.client.budget import BudgetLedger
from redraft.llm.client.client import Client
from redraft.llm.limits import Budget, Limits
from redraft.llm.model import (
    BudgetExceeded,
    Cause,
    Choice,
    Finish,
    Message,
    Model,
    ModelError,
    Reply,
    Request,
    Sampling,
)
from redraft.llm.usage import Amount, Prices, Usage
from redraft.store.journal import Journal
from redraft.store.problems import Question
from redraft.store.trajectory import Stop

PRICES = Prices(prompt=0.001, completion=0.01, cached=0.0005)


def purse(run: Budget = Budget(), problem: Budget = Budget()) -> BudgetLedger:  # noqa: B008 - frozen
    return BudgetLedger(run, problem, PRICES)


async def test_what_a_call_did_not_use_is_given_back() -> None:
    kept = purse(Budget(tokens=100))
    hold = await kept.reserve("u", prompt=20, completion=60, n=1)
    kept.settle(hold, Usage(10, 5))

    second = await kept.reserve("u", prompt=25, completion=60, n=1)
    kept.settle(second, Usage(25, 60))

    with pytest.raises(BudgetExceeded, match=r"The run.s budget of 100 tokens is used up\."):
        await kept.reserve("u", prompt=1, completion=0, n=1)
    assert kept.exhausted == "The run's budget of 100 tokens is used up."


async def test_a_call_waits_while_another_may_give_something_back() -> None:
    kept = purse(Budget(tokens=100))
    first = await kept.reserve("a", 10, 80, 1)
    waiting = asyncio.create_task(kept.reserve("b", 10, 80, 1))
    await asyncio.sleep(0.01)
    assert not waiting.done()

    kept.settle(first, Usage(5, 5))

    assert (await waiting).amount == Amount(1, 90, 10 * 0.001 + 80 * 0.01)


async def test_a_call_that_waits_in_vain_is_told_so() -> None:
    kept = purse(Budget(tokens=100))
    first = await kept.reserve("a", 10, 80, 1)
    waiting = asyncio.create_task(kept.reserve("b", 10, 80, 1))
    await asyncio.sleep(0)
    kept.settle(first, Usage(10, 80))
    with pytest.raises(BudgetExceeded):
        await waiting


async def test_a_call_gets_as_many_samples_as_there_is_enough_for() -> None:
    kept = purse(Budget(tokens=100))
    hold = await kept.reserve("u", prompt=10, completion=20, n=8)
    assert (hold.n, hold.amount.tokens) == (4, 90)


async def test_what_nobody_knows_counts_as_all_that_was_set_aside() -> None:
    kept = purse(Budget(tokens=100))
    kept.settle(await kept.reserve("u", 10, 50, 1), None)
    with pytest.raises(BudgetExceeded):
        await kept.reserve("u", 10, 50, 1)


async def test_each_problem_has_its_own() -> None:
    kept = purse(problem=Budget(calls=2))
    for unit in ("a", "b", "a", "b"):
        kept.settle(await kept.reserve(unit, 1, 1, 1), Usage(1, 1))
    with pytest.raises(BudgetExceeded, match=r"The problem.s budget of 2 calls is used up\."):
        await kept.reserve("a", 1, 1, 1)
    assert kept.exhausted is None
    assert (await kept.reserve("c", 1, 1, 1)).n == 1


async def test_money_is_counted_by_the_prices_or_by_what_the_provider_says() -> None:
    kept = purse(Budget(usd=1.0))
    kept.settle(await kept.reserve("u", 100, 50, 1), Usage(100, 10, cached=80))  # 20 + 80 half price + 10 = 0.16
    kept.settle(await kept.reserve("u", 100, 50, 1), Usage(100, 10), usd=0.34)
    assert (await kept.reserve("u", 0, 50, 1)).n == 1  # exactly what is left


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(usd=0.001), "$0.001 is too small for one call, which may need 101 tokens, or $1.00"),
        (Budget(tokens=100), "100 tokens is too small for one call, which may need 101 tokens"),
        (Budget(calls=0), "0 calls is too small for one call"),
    ],
)
async def test_a_budget_that_is_too_small_for_any_call_is_a_mistake(budget: Budget, words: str) -> None:
    with pytest.raises(ModelError, match=re.escape(f"The run's budget of {words}")) as told:
        await purse(budget).reserve("u", 1, 100, 1)
    assert told.value.fatal
    assert not isinstance(told.value, BudgetExceeded)


def test_money_without_prices_is_refused_with_the_cure() -> None:
    with pytest.raises(ModelError, match="--prices") as told:
        BudgetLedger(Budget(usd=1.0), Budget(), None)
    assert told.value.fatal


async def test_time_ends_a_call_in_its_midst() -> None:
    class Sleeper(Model):
        name = "sleeper"

        async def complete(self, request: Request) -> Reply:
            await asyncio.sleep(30)
            raise AssertionError

    client = Client(Sleeper(), run_budget=Budget(seconds=0.05))
    with pytest.raises(BudgetExceeded, match=r"budget of 0\.05 seconds is used up"):
        await client.complete(Question("p", "?", unit="u"), "propose", "u/", [Message("user", "?")])
    with pytest.raises(BudgetExceeded, match=r"budget of 0\.05 seconds is used up"):
        await client.complete(Question("p", "?", unit="u"), "propose", "u/", [Message("user", "?")])


@dataclass
class Bill:
    """What a provider really charges."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def charge(self, usage: Usage) -> None:
        self.tokens += usage.tokens
        self.usd += PRICES.cost(usage)


@dataclass
class Moody(Model):
    """A provider of random moods: it uses anything up to what it may, charges what it likes of that, and fails in
    every way, charged or not. Its bills are the truth that budgets are checked against."""

    draw: random.Random
    bill: Bill = field(default_factory=Bill)
    problems: dict[str, Bill] = field(default_factory=dict)
    name: str = "moody"
    prices: Prices | None = PRICES

    async def complete(self, request: Request) -> Reply:
        bills = self.bill, self.problems.setdefault(request.messages[0].content, Bill())
        for bill in bills:
            bill.calls += 1
        await asyncio.sleep(self.draw.choice((0, 0, 0.0005)))
        mood = self.draw.random()
        if mood < 0.1:
            raise ModelError("429", cause=Cause.BUSY, wait_s=0.0)
        if mood < 0.2:
            raise ModelError("500", cause=Cause.FAULT)
        given = self.draw.randint(0 if mood < 0.4 else 1, request.n)
        tokens = [self.draw.randint(0, request.max_tokens) for _ in range(given)]
        prompt = self.draw.randint(1, len(request.messages[0].content) + 100)
        usage = Usage(prompt, sum(tokens), cached=self.draw.randint(0, prompt))
        for bill in bills:
            bill.charge(usage)
        if mood < 0.3:
            raise ModelError("the connection broke", cause=Cause.FAULT, usage=None)
        choices = tuple(Choice("text", Finish.END, count) for count in tokens)
        return Reply(choices, usage, cost_usd=PRICES.cost(usage) if mood < 0.6 else None)


def random_budget(draw: random.Random, scale: int) -> Budget:
    return Budget(
        calls=draw.choice((None, draw.randint(1, 8 * scale))),
        tokens=draw.choice((None, draw.randint(100, 2000 * scale))),
        usd=draw.choice((None, draw.uniform(0.1, 8 * scale))),
    )


async def one_random_run(seed: int) -> tuple[int, int]:
    """Checks every bill of a run against its budget, and returns how many samples were answered and how many met a
    budget's end."""
    draw = random.Random(seed)
    model = Moody(draw)
    run, problem = random_budget(draw, 5), random_budget(draw, 1)
    journal = Journal(None)
    sampling, limits = Sampling(max_tokens=draw.randint(1, 200)), Limits(draw.randint(1, 16), tries=2, wait_s=0.002)
    client = Client(model, journal=journal, sampling=sampling, limits=limits, run_budget=run, problem_budget=problem)

    async def solve(name: str) -> list[Choice | ModelError]:
        question, drawn = Question(name, name, unit=name), []
        for turn in range(draw.randint(1, 4)):
            request = client.request([Message("user", name)], n=draw.randint(1, 6))
            try:
                drawn += await client.draw(question, "propose", f"{name}/{turn}", request)
            except ModelError as error:  # the run's budget is too small for one call
                drawn.append(BudgetExceeded(str(error)))
        return drawn

    names = [f"problem {number}" for number in range(draw.randint(1, 6))]
    drawn = [item for part in await asyncio.gather(*map(solve, names)) for item in part]

    for budget, bill in [(run, model.bill), *((problem, bill) for bill in model.problems.values())]:
        assert bill.calls <= (budget.calls or bill.calls)
        assert bill.tokens <= (budget.tokens or bill.tokens)
        assert bill.usd <= (budget.usd or bill.usd) * (1 + 1e-9)
    return (
        sum(isinstance(item, Choice) for item in drawn),
        sum(isinstance(item, ModelError) and item.stop is Stop.BUDGET for item in drawn),
    )


async def test_no_budget_is_exceeded_in_a_thousand_random_runs() -> None:
    answered = spent = 0
    for start in range(0, 1000, 100):
        for got, lost in await asyncio.gather(*(one_random_run(seed) for seed in range(start, start + 100))):
            answered, spent = answered + got, spent + lost
    assert answered > 3000  # so that the runs are runs, and the budgets were met
    assert spent > 3000


async def test_what_an_earlier_execution_used_counts_for_the_problem() -> None:
    draw, journal = random.Random(1), Journal(None)
    asked = [Message("user", "problem")]
    question = Question("p", "problem", unit="u")
    first = Client(Moody(draw), journal=journal, problem_budget=Budget(calls=3), limits=Limits(tries=1))
    answers = await first.draw(question, "propose", "u/", first.request(asked, n=1))
    made = sum(call.attempts for call in journal.known_calls("u"))
    assert made >= 1
    assert len(answers) == 1

    second = Client(Moody(draw), journal=journal, problem_budget=Budget(calls=made))
    with pytest.raises(BudgetExceeded, match=f"The problem's budget of {made} call"):
        await second.complete(question, "propose", "u/1", asked)
