"""The limit by the minute, here by fractions of a second: checked against a count over every window."""

import asyncio
import random
import time

import pytest

from redraft.llm.client.rate_limits import RateLimit


def most_in_a_window(taken: list[tuple[float, float]], seconds: float) -> float:
    """The largest sum of units in any half-open window of so many seconds: one that starts with an entry."""
    return max(sum(units for at, units in taken if start <= at < start + seconds) for start, _ in taken)


@pytest.mark.parametrize("seed", range(5))
async def test_no_window_holds_more_than_the_limit(seed: int) -> None:
    draw = random.Random(seed)
    rate, taken = RateLimit(10, seconds=0.1), []

    async def caller() -> None:
        await asyncio.sleep(draw.uniform(0, 0.3))
        units = draw.randint(1, 6)
        entry = await rate.take(units)
        taken.append((entry.at, units))

    await asyncio.gather(*(caller() for _ in range(20)))

    assert len(taken) == 20
    assert most_in_a_window(taken, 0.1) <= 10


async def test_those_who_wait_are_let_in_in_their_order() -> None:
    rate, order = RateLimit(2, seconds=0.05), []

    async def caller(number: int) -> None:
        await rate.take()
        order.append(number)

    await asyncio.gather(*(caller(number) for number in range(9)))

    assert order == list(range(9))


async def test_what_turned_out_smaller_makes_room_for_others() -> None:
    rate = RateLimit(10, seconds=30.0)
    entry = await rate.take(10)
    rate.correct(entry, 2)

    async with asyncio.timeout(5):
        await rate.take(8)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await rate.take(1)


async def test_a_correction_makes_room_for_one_who_waits_already() -> None:
    rate = RateLimit(10, seconds=30.0)
    entry = await rate.take(10)
    waiting = asyncio.create_task(rate.take(5))
    await asyncio.sleep(0)

    rate.correct(entry, 1)

    async with asyncio.timeout(5):
        await waiting


async def test_more_than_the_limit_is_let_in_alone() -> None:
    rate = RateLimit(3, seconds=0.1)
    first = await rate.take(1)
    second = await rate.take(50)
    third = await rate.take(1)

    assert second.at - first.at >= 0.1
    assert third.at - second.at >= 0.1


async def test_a_correction_of_what_is_long_past_changes_nothing() -> None:
    rate = RateLimit(4, seconds=0.05)
    old = await rate.take(4)
    await asyncio.sleep(0.06)
    await rate.take(1)
    rate.correct(old, 100)

    start = time.monotonic()
    await rate.take(3)

    assert time.monotonic() - start < 0.05
