"""A budget that several processes share: each takes slices, and none waits for what nobody will give back."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redraft.llm.client.budget import BudgetLedger, BudgetTooSmall
from redraft.llm.limits import Budget
from redraft.llm.model import BudgetExceeded
from redraft.llm.usage import Prices, Usage
from redraft.store.leases.leases import Leases
from redraft.store.leases.slices import Slices

Purse = Callable[..., BudgetLedger]
PRICES = Prices(prompt=0.001, completion=0.01)


@pytest.fixture
def purse(tmp_path: Path) -> Iterator[Purse]:
    """Makes the ledger of one more process of the same run."""
    made: list[Leases] = []

    def ledger(budget: Budget) -> BudgetLedger:
        leases = Leases(tmp_path / "recipe", "")
        leases.join()
        made.append(leases)
        whole = {"calls": budget.calls, "tokens": budget.tokens, "usd": budget.usd}
        limits = {what: most for what, most in whole.items() if most is not None}
        return BudgetLedger(budget, Budget(), PRICES, slices=Slices(tmp_path / "budget", limits, leases))

    yield ledger
    for leases in made:
        leases.resign()


async def spend(ledger: BudgetLedger, calls: int) -> int:
    """Makes so many calls of 10 tokens, and returns how many the budget allowed."""
    for number in range(calls):
        try:
            hold = await ledger.reserve("u", prompt=10, completion=20, n=1)
        except BudgetExceeded:
            return number
        await asyncio.sleep(0)
        ledger.settle(hold, Usage(5, 5))
    return calls


async def test_two_processes_use_one_budget_and_no_more(purse: Purse) -> None:
    one, two = purse(Budget(calls=40)), purse(Budget(calls=40))
    await one.begin()
    await two.begin()
    used = await asyncio.gather(spend(one, 100), spend(two, 100))
    assert sum(used) == 40
    assert one.exhausted == two.exhausted == "The run's budget of 40 calls is used up."
    await one.close()
    await two.close()


async def test_what_one_process_does_not_need_the_other_gets(purse: Purse) -> None:
    one, two = purse(Budget(tokens=320)), purse(Budget(tokens=320))
    await one.begin()
    await two.begin()
    assert await spend(one, 1) == 1  # it has taken 30 tokens and used 10
    assert await spend(two, 100) == 29  # 290 of the other 310 tokens: the last 20 suffice for no call
    await one.close()
    await two.close()


async def test_an_execution_that_goes_on_has_the_rest(purse: Purse) -> None:
    one = purse(Budget(calls=16))
    await one.begin()
    assert await spend(one, 10) == 10
    await one.close()
    two = purse(Budget(calls=16))
    await two.begin()
    assert await spend(two, 100) == 6
    await two.close()


async def test_a_budget_that_was_never_enough_is_a_mistake_and_one_that_is_used_up_is_none(purse: Purse) -> None:
    small = purse(Budget(tokens=20))
    await small.begin()
    with pytest.raises(BudgetTooSmall):
        await small.reserve("u", prompt=10, completion=20, n=1)
    await small.close()


async def test_fewer_samples_are_drawn_if_the_rest_suffices_for_no_more(purse: Purse) -> None:
    ledger = purse(Budget(tokens=100))
    await ledger.begin()
    hold = await ledger.reserve("u", prompt=10, completion=20, n=8)
    assert hold.n == 4
    ledger.settle(hold, Usage(10, 80))
    await ledger.close()


async def test_dollars_are_shared_too(purse: Purse) -> None:
    one, two = purse(Budget(usd=1.0)), purse(Budget(usd=1.0))
    await one.begin()
    await two.begin()
    used = await asyncio.gather(spend(one, 100), spend(two, 100))
    each = PRICES.cost(Usage(5, 5))
    most = PRICES.cost(Usage(10, 20))
    assert 1.0 - 2 * most <= sum(used) * each <= 1.0
    await one.close()
    await two.close()


async def test_seconds_go_on_where_an_earlier_execution_ended(purse: Purse) -> None:
    ledger = purse(Budget(seconds=3600.0))
    await ledger.begin()
    hold = await ledger.reserve("u", prompt=10, completion=20, n=1)
    assert 3000 < hold.left_s() <= 3600
    ledger.settle(hold, Usage(5, 5))
    await ledger.close()


async def test_a_call_that_was_cancelled_counts_at_the_mean_for_the_next_execution(purse: Purse) -> None:
    """A call could use 1,010 tokens and uses 10. Ctrl-C cancels nine calls: they count as 90 tokens, and not 9,090."""
    one = purse(Budget(tokens=10_000))
    await one.begin()
    one.settle(await one.reserve("u", prompt=10, completion=1000, n=1), Usage(5, 5))
    for _ in range(9):
        one.settle(await one.reserve("u", prompt=10, completion=1000, n=1), None)
    assert one.used.tokens == 10 + 9 * 1010
    with pytest.raises(BudgetExceeded):  # nothing is risked before this execution has ended
        await one.reserve("u", prompt=10, completion=1000, n=1)
    await one.close()
    two = purse(Budget(tokens=10_000))
    await two.begin()
    hold = await two.reserve("u", prompt=10, completion=9_880, n=1)  # of 10,000 - 10 - 90
    two.settle(hold, Usage(10, 9_880))
    with pytest.raises(BudgetExceeded):
        await two.reserve("u", prompt=1, completion=10, n=1)
    await two.close()


async def test_a_process_that_dies_leaves_the_budget_of_its_calls_in_flight(purse: Purse, tmp_path: Path) -> None:
    """Its calls could use nearly all of the budget, and were hardly begun."""
    one = purse(Budget(tokens=10_000))
    await one.begin()
    for _ in range(9):
        await one.reserve("u", prompt=10, completion=1000, n=1)
    for file in (tmp_path / "recipe").glob("worker-*"):  # as a kill does
        file.unlink()
    two = purse(Budget(tokens=10_000))
    await two.begin()
    held = [await two.reserve("u", prompt=10, completion=1000, n=1) for _ in range(9)]
    for hold in held:
        two.settle(hold, Usage(5, 5))
    assert await spend(two, 1000) == (10_000 - 9 * 10 - 9 * 10) // 10 - 2  # a call must fit with its 30 tokens
    await two.close()


async def test_two_processes_with_calls_of_an_unknown_usage_do_not_wait_for_each_other(purse: Purse) -> None:
    ledgers = [purse(Budget(tokens=2_000)) for _ in range(2)]
    for ledger in ledgers:
        await ledger.begin()
        ledger.settle(await ledger.reserve("u", prompt=10, completion=900, n=1), None)
    assert max(await asyncio.gather(*(spend(ledger, 100) for ledger in ledgers))) > 0
    assert all(ledger.exhausted for ledger in ledgers)
    for ledger in ledgers:
        await ledger.close()
