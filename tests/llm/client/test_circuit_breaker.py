"""The circuit breaker alone: when it opens, who may test the provider, and when it gives up."""

import asyncio

import pytest

from redraft.llm.client import circuit_breaker
from redraft.llm.client.circuit_breaker import BEFORE_GIVING_UP, IN_A_ROW, CircuitBreaker
from redraft.llm.model import Cause, ModelError
from redraft.llm.usage import Usage

DOWN = ModelError("no server", cause=Cause.DOWN)
FAULT = ModelError("HTTP 500", cause=Cause.FAULT, kind="HTTP 500", usage=Usage(3))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_breaker, "FIRST_S", 0.001)


def breaker(said: list[str], patience_s: float = 60.0, *, answered: bool = True) -> CircuitBreaker:
    made = CircuitBreaker("m", patience_s, said.append)
    if answered:
        made.record_answer()
    return made


async def test_a_provider_that_answers_lets_every_call_through() -> None:
    said: list[str] = []
    made = breaker(said)
    assert not any([await made.ready() for _ in range(5)])
    assert said == []


async def test_it_opens_at_once_if_the_provider_is_down_and_closes_with_an_answer(quick: None) -> None:
    said: list[str] = []
    made = breaker(said)
    made.record_failure(DOWN)
    assert await made.ready()
    made.record_answer()
    made.done(True)
    assert not await made.ready()
    assert said == ["waiting for m: no server", "m answers again"]


async def test_other_failures_open_it_after_so_many_without_an_answer_between() -> None:
    said: list[str] = []
    made = breaker(said)
    for _ in range(3):
        for _ in range(IN_A_ROW - 1):
            made.record_failure(FAULT)
        made.record_answer()
    assert said == []
    for _ in range(IN_A_ROW):
        made.record_failure(FAULT)
    assert said == ["waiting for m: HTTP 500"]


async def test_one_call_at_a_time_tests_the_provider(quick: None) -> None:
    made = breaker([])
    made.record_failure(DOWN)
    testing: list[int] = []

    async def call() -> int:
        trial = await made.ready()
        testing.append(trial)
        most = sum(testing)
        await asyncio.sleep(0)
        testing.remove(trial)
        made.done(trial)
        return most

    assert await asyncio.gather(*(call() for _ in range(5))) == [1] * 5


async def test_calls_that_waited_go_out_together_once_it_is_back(quick: None) -> None:
    made = breaker([])
    made.record_failure(DOWN)
    assert await made.ready()
    waiting = [asyncio.create_task(made.ready()) for _ in range(3)]
    await asyncio.sleep(0.01)
    made.record_answer()
    made.done(True)
    assert await asyncio.gather(*waiting) == [False] * 3


async def test_who_stops_waiting_leaves_the_test_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_breaker, "FIRST_S", 60.0)
    made = breaker([])
    made.record_failure(DOWN)
    first = asyncio.create_task(made.ready())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    made.record_answer()
    assert not await made.ready()


async def test_a_provider_that_never_answered_ends_the_run(quick: None) -> None:
    said: list[str] = []
    made = breaker(said, answered=False)
    for _ in range(BEFORE_GIVING_UP - 1):
        made.record_failure(DOWN)
    with pytest.raises(ModelError, match="no server") as caught:
        made.record_failure(DOWN)
    assert (caught.value.fatal, caught.value.cause) == (True, Cause.DOWN)
    with pytest.raises(ModelError, match="no server"):
        await made.ready()
    assert said == []


async def test_patience_ends_with_the_error_as_it_was() -> None:
    made = breaker([], patience_s=0.0)
    for _ in range(IN_A_ROW - 1):
        made.record_failure(FAULT)
    with pytest.raises(ModelError, match="HTTP 500") as caught:
        made.record_failure(FAULT)
    assert (caught.value.fatal, caught.value.kind, caught.value.usage) == (True, "HTTP 500", Usage(3))
