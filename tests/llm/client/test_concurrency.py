"""The window of calls in flight: its bound, its growth, its halving."""

import asyncio
import random

import pytest

from redraft.llm.client.concurrency import FIRST, GROWTH, TOLERANCE, ConcurrencyLimit


async def answered(window: ConcurrencyLimit, calls: int, latency_s: float = 1.0) -> None:
    """A burst of calls that are in flight together and are answered after so long."""

    async def call() -> None:
        async with window:
            await asyncio.sleep(0)
            window.record_answer(latency_s)

    await asyncio.gather(*(call() for _ in range(calls)))


@pytest.mark.parametrize("adaptive", [True, False])
@pytest.mark.parametrize("seed", range(5))
async def test_there_are_never_more_calls_in_flight_than_the_window_holds(seed: int, adaptive: bool) -> None:
    draw, window = random.Random(seed), ConcurrencyLimit(40, adaptive)
    over, most = [], 0

    async def call() -> None:
        nonlocal most
        async with window:
            most = max(most, window.used)
            await asyncio.sleep(draw.uniform(0, 0.002))
            if draw.random() < 0.1:
                window.record_refusal(window.epoch)
            else:
                window.record_answer(draw.uniform(0.5, 1.5))
            over.append(window.used > 40)

    tasks = [asyncio.create_task(call()) for _ in range(400)]
    await asyncio.sleep(0.003)
    for task in draw.sample(tasks, 60):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert window.used == 0
    assert not any(over)
    assert 1 < most <= 40


async def sizes(window: ConcurrencyLimit, answers: int) -> list[int]:
    """The window's size after each of so many answers, while far more callers wait than it holds."""
    seen: list[int] = []

    async def call() -> None:
        async with window:
            await asyncio.sleep(0)
            if len(seen) < answers:
                window.record_answer(1.0)
                seen.append(window.size)

    await asyncio.gather(*(call() for _ in range(answers + 1000)))
    return seen


async def test_it_doubles_in_the_time_of_a_call_until_it_is_full() -> None:
    assert await sizes(ConcurrencyLimit(200), 200) == [min(200, FIRST + answer) for answer in range(1, 201)]


async def test_it_does_not_grow_while_nobody_waits_for_a_place() -> None:
    window = ConcurrencyLimit(200)
    for _ in range(10):
        await answered(window, 3)
    assert window.size == FIRST


async def test_a_refusal_halves_it_once_a_burst_and_growth_is_slow_from_then_on() -> None:
    window = ConcurrencyLimit(64, adaptive=True)
    await answered(window, 400)
    assert window.size == 64

    async with asyncio.TaskGroup() as group:
        go = asyncio.Event()

        async def refused() -> None:
            async with window:
                epoch = window.epoch
                await go.wait()
                window.record_refusal(epoch)

        for _ in range(64):
            group.create_task(refused())
        await asyncio.sleep(0)
        go.set()
    assert window.size == 32

    expected, size = [], 32.0
    for _ in range(100):
        size = min(64.0, size + GROWTH / size)
        expected.append(int(size))
    assert await sizes(window, 100) == expected
    assert expected[31] == 32 + GROWTH - 1  # a round of 32 answers


async def test_it_never_shrinks_below_one_call() -> None:
    window = ConcurrencyLimit(8)
    for _ in range(20):
        async with window:
            window.record_refusal(window.epoch)
    assert window.size == 1
    async with asyncio.timeout(1):
        await answered(window, 5)


async def test_it_stays_while_latency_is_far_above_the_least() -> None:
    window = ConcurrencyLimit(500)
    await answered(window, 10, latency_s=1.0)
    for _ in range(5):
        await answered(window, 500, latency_s=TOLERANCE * 3)
    held = window.size
    assert held < 500

    for _ in range(20):
        await answered(window, 500, latency_s=1.0)
    assert window.size == 500


async def test_a_fixed_one_neither_grows_nor_shrinks() -> None:
    window = ConcurrencyLimit(48, adaptive=False)
    window.record_refusal(window.epoch)
    await answered(window, 100)
    assert window.size == 48


async def test_a_place_given_to_one_who_is_cancelled_goes_to_the_next() -> None:
    window = ConcurrencyLimit(1, adaptive=False)
    entered: list[str] = []

    async def call(name: str) -> None:
        async with window:
            entered.append(name)

    async with window:
        first, second = asyncio.create_task(call("first")), asyncio.create_task(call("second"))
        await asyncio.sleep(0)
    first.cancel()  # after its place was given, before it ran on
    await asyncio.gather(first, second, return_exceptions=True)

    assert entered == ["second"]
    assert window.used == 0
