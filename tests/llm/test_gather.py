"""Jobs at once: results in order, and nobody left running when one fails."""

import asyncio

import pytest

from redraft.llm.gather import gather


async def test_results_come_in_the_order_of_the_jobs() -> None:
    async def job(number: int) -> int:
        await asyncio.sleep(0.002 * (3 - number))
        return number

    assert await gather(job(number) for number in range(3)) == [0, 1, 2]
    assert await gather(job(number) for number in range(0)) == []


async def test_where_one_fails_the_others_have_ended_before_its_error_goes_on() -> None:
    ended: list[str] = []

    async def long() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            ended.append("long")

    async def bad() -> None:
        await asyncio.sleep(0)
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        await gather([long(), bad()])
    assert ended == ["long"]
