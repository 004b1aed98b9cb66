"""A budget that several runs share: what one uses, the others lack."""

import pytest

from redraft.flows.units.budget import RemainingBudget
from redraft.llm.limits import Budget
from redraft.llm.model import ModelError
from redraft.llm.usage import Amount


class Done:
    def __init__(self, used: Amount | None) -> None:
        self.used = used


async def test_each_run_gets_what_is_left_also_after_an_error() -> None:
    shared, given = RemainingBudget(Budget(calls=5, tokens=100)), list[Budget]()

    async def work(left: Budget) -> Done:
        given.append(left)
        if len(given) == 2:
            error = ModelError("away")
            error.used = Amount(calls=2)
            raise error
        return Done(Amount(calls=1, tokens=30))

    await shared.spend(work)
    with pytest.raises(ModelError):
        await shared.spend(work)
    await shared.spend(work)
    assert [(one.calls, one.tokens) for one in given] == [(5, 100), (4, 70), (2, 70)]
    assert not shared.used_up
    await shared.spend(work)
    assert shared.used_up
    assert shared.whole == Budget(calls=5, tokens=100)


async def test_a_run_without_a_count_uses_only_time() -> None:
    shared = RemainingBudget(Budget(seconds=0.0))
    assert shared.used_up

    async def work(left: Budget) -> Done:
        return Done(None)

    assert isinstance(await RemainingBudget(Budget(calls=1)).spend(work), Done)


@pytest.mark.parametrize(
    ("budget", "used", "over"),
    [
        (Budget(), Amount(calls=9, tokens=9, usd=9.0), False),
        (Budget(calls=2), Amount(calls=1), False),
        (Budget(calls=2), Amount(calls=2), True),
        (Budget(calls=2), Amount(calls=3), True),
        (Budget(tokens=10), Amount(calls=3, tokens=9), False),
        (Budget(tokens=10), Amount(tokens=10), True),
        (Budget(usd=0.5), Amount(usd=0.25), False),
        (Budget(usd=0.5), Amount(usd=0.5), True),
        (Budget(calls=9, usd=0.5), Amount(calls=1, usd=0.5), True),
    ],
)
async def test_one_limit_that_is_reached_ends_the_budget(budget: Budget, used: Amount, over: bool) -> None:
    shared = RemainingBudget(budget)

    async def work(left: Budget) -> Done:
        assert left == budget
        return Done(used)

    await shared.spend(work)
    assert shared.used_up == over
