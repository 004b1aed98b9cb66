import asyncio
from collections.abc import AsyncIterator

import pytest

from redraft.flows.units.pool import for_each


async def test_at_most_a_window_is_under_way_and_no_item_is_taken_too_early() -> None:
    running, most, taken, ahead = 0, 0, 0, 0

    async def items() -> AsyncIterator[int]:
        nonlocal taken
        for item in range(20):
            taken += 1
            yield item

    done: list[int] = []

    async def work(item: int) -> None:
        nonlocal running, most, ahead
        running += 1
        most, ahead = max(most, running), max(ahead, taken - len(done))
        await asyncio.sleep(0.001 * (item % 3))
        running -= 1
        done.append(item)

    await for_each(items(), work, lambda: 4)
    assert sorted(done) == list(range(20))
    assert (most, ahead) == (4, 5)


async def test_the_first_error_ends_everything_that_is_under_way() -> None:
    ended: list[str] = []

    async def items() -> AsyncIterator[str]:
        for item in ("slow", "bad", "never"):
            yield item

    async def work(item: str) -> None:
        try:
            await asyncio.sleep(0.01 if item == "bad" else 10)
            raise ValueError(item)
        finally:
            ended.append(item)

    with pytest.raises(ValueError, match="bad"):
        await for_each(items(), work, lambda: 2)
    assert sorted(ended) == ["bad", "slow"]
