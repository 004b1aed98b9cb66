"""The caller: what is tried again and for how long, a provider that is down, and one that comes back."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import structs

from redraft.llm.client import circuit_breaker
from redraft.llm.client.budget import BudgetLedger
from redraft.llm.client.retry import Caller, prompt_bound
from redraft.llm.limits import Budget, Limits
from redraft.llm.model import Cause, Choice, Finish, Message, Model, ModelError, Reply, Request
from redraft.llm.usage import Prices, Usage

ASKED = Request((Message("user", "What is 2+2?"),), max_tokens=10)
QUICK = Limits(concurrency=8, wait_s=0.001, tries=3, patience_s=5.0)


class Provider(Model):
    """Meets each call, numbered from 0, with what `behave` returns or raises. `most` is the most calls at once."""

    name = "provider"
    prices = Prices(0.01, 0.1)

    def __init__(self, behave: Callable[[int], Reply]) -> None:
        self.calls = self.busy = self.most = 0
        self._behave = behave

    async def complete(self, request: Request) -> Reply:
        number, self.calls, self.busy = self.calls, self.calls + 1, self.busy + 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(0.001)
        self.busy -= 1
        return self._behave(number)


def answer(n: int = 1, **changes: object) -> Reply:
    return structs.replace(Reply((Choice("4", Finish.END, 1),) * n, Usage(5, n)), **changes)


def caller(model: Model, limits: Limits = QUICK, said: list[str] | None = None) -> Caller:
    told = said if said is not None else []
    return Caller(model, limits, BudgetLedger(Budget(), Budget(), model.prices), told.append)


def failing(times: int, error: Callable[[], ModelError]) -> Provider:
    """Fails so many times and then answers."""

    def behave(number: int) -> Reply:
        if number < times:
            raise error()
        return answer()

    return Provider(behave)


async def test_a_stumble_is_tried_again_and_what_it_used_is_counted() -> None:
    model = failing(2, lambda: ModelError("malformed", cause=Cause.FAULT, usage=Usage(5, 3)))

    reply = await caller(model).call(ASKED, "u")

    assert (model.calls, reply.attempts) == (3, 3)
    assert reply.usage == Usage(15, 7)
    assert reply.cost_usd == pytest.approx(15 * 0.01 + 7 * 0.1)
    assert reply.latency_ms >= 1.0
    assert reply.failed_tries == {"fault": 2}
    assert (await caller(failing(0, lambda: ModelError("never"))).call(ASKED, "u")).failed_tries is None


async def test_a_provider_that_keeps_stumbling_fails_the_call_after_its_tries() -> None:
    model = failing(100, lambda: ModelError("malformed", cause=Cause.FAULT, usage=Usage(5, 3)))

    with pytest.raises(ModelError, match="malformed") as told:
        await caller(model).call(ASKED, "u")

    assert (model.calls, told.value.attempts, told.value.usage) == (3, 3, Usage(15, 9))
    assert told.value.failed_tries == {"fault": 3}
    assert not told.value.fatal


async def test_an_error_does_not_repeat_the_prompt() -> None:
    model = failing(1, lambda: ModelError("refused (Answer this: what is 2+2?)", cure="Ask otherwise."))
    with pytest.raises(ModelError) as told:
        await caller(model).call(Request((Message("user", "Answer this:\nwhat is 2+2?"),), max_tokens=10), "u")
    assert str(told.value) == "refused (***) Ask otherwise."


@pytest.mark.parametrize("fatal", [True, False])
async def test_what_would_fail_again_is_not_tried_again(fatal: bool) -> None:
    model = failing(1, lambda: ModelError("no such model", fatal=fatal))
    with pytest.raises(ModelError, match="no such model"):
        await caller(model).call(ASKED, "u")
    assert model.calls == 1


async def test_too_many_requests_are_borne_longer_than_stumbles() -> None:
    model = failing(12, lambda: ModelError("429", cause=Cause.BUSY, wait_s=0.0))
    assert (await caller(model).call(ASKED, "u")).attempts == 13


async def test_the_pause_that_a_provider_asks_for_is_kept() -> None:
    model = failing(1, lambda: ModelError("429", cause=Cause.BUSY, wait_s=0.3))
    start = asyncio.get_running_loop().time()
    await caller(model).call(ASKED, "u")
    assert asyncio.get_running_loop().time() - start >= 0.3


async def test_a_provider_that_never_answered_stops_everything_at_once() -> None:
    model = failing(1000, lambda: ModelError("Nobody answers.", cure="Start it.", cause=Cause.DOWN))
    one = caller(model)

    ended = await asyncio.gather(*(one.call(ASKED, "u") for _ in range(20)), return_exceptions=True)

    assert all(isinstance(error, ModelError) and error.fatal for error in ended)
    assert {str(error) for error in ended} == {"Nobody answers. Start it."}
    assert model.calls <= 8 + circuit_breaker.BEFORE_GIVING_UP


async def test_an_endless_row_of_errors_before_any_answer_stops_everything() -> None:
    model = failing(1000, lambda: ModelError("500", cause=Cause.FAULT))
    one = caller(model)
    ended = await asyncio.gather(*(one.call(ASKED, "u") for _ in range(200)), return_exceptions=True)
    assert any(isinstance(error, ModelError) and error.fatal for error in ended)
    assert model.calls < 200


async def test_a_provider_that_goes_away_is_waited_for_and_tried_by_one_call_at_a_time() -> None:
    def behave(number: int) -> Reply:
        if 20 <= number < 30:
            raise ModelError("Nobody answers.", cause=Cause.DOWN)
        return answer()

    said: list[str] = []
    model = Provider(behave)
    one = caller(model, replace(QUICK, patience_s=60.0), said)
    warm = await asyncio.gather(*(one.call(ASKED, "u") for _ in range(20)))
    model.most = 0

    later = await asyncio.gather(*(one.call(ASKED, "u") for _ in range(40)))

    assert len(warm) == 20
    assert all(reply.choices[0].text == "4" for reply in later)
    assert said == ["waiting for provider: Nobody answers.", "provider answers again"]
    assert model.calls == 20 + 10 + 40


async def test_a_provider_that_stays_away_ends_the_run_when_patience_is_over() -> None:
    model = Provider(lambda number: answer())
    one = caller(model, replace(QUICK, patience_s=0.5))
    await one.call(ASKED, "u")

    def gone(number: int) -> Reply:
        raise ModelError("Nobody answers.", cure="Start it.", cause=Cause.DOWN)

    model._behave = gone
    with pytest.raises(ModelError, match=r"Nobody answers\. Start it\.") as told:
        await one.call(ASKED, "u")
    assert told.value.fatal


async def test_one_who_is_cancelled_while_the_provider_is_down_leaves_no_lock_behind() -> None:
    model = Provider(lambda number: answer())
    one = caller(model, replace(QUICK, patience_s=60.0))
    await one.call(ASKED, "u")
    model._behave = lambda number: answer() if number > 1 else _raise(ModelError("away", cause=Cause.DOWN))
    waiting = [asyncio.create_task(one.call(ASKED, "u")) for _ in range(3)]
    await asyncio.sleep(0.05)
    waiting[0].cancel()
    waiting[1].cancel()

    async with asyncio.timeout(20):
        assert (await waiting[2]).choices[0].text == "4"
        assert (await one.call(ASKED, "u")).choices[0].text == "4"


async def test_requests_by_the_minute_are_kept() -> None:
    model = Provider(lambda number: answer())
    one = caller(model, replace(QUICK, requests_per_minute=5))
    ended = [asyncio.create_task(one.call(ASKED, "u")) for _ in range(8)]
    await asyncio.sleep(0.3)
    assert model.calls == 5
    for task in ended:
        task.cancel()


async def test_tokens_by_the_minute_count_what_was_used_not_what_was_set_aside() -> None:
    bound = prompt_bound(ASKED) + ASKED.max_tokens
    model = Provider(lambda number: answer())  # each uses 6 tokens
    one = caller(model, replace(QUICK, tokens_per_minute=2 * bound, concurrency=1))
    for _ in range(10):
        async with asyncio.timeout(5):
            await one.call(ASKED, "u")
    assert model.calls == 10


async def test_a_model_on_this_machine_is_neither_paced_nor_tried_again() -> None:
    class Local(Provider):
        remote = False

    model = Local(lambda number: _raise(ModelError("odd", cause=Cause.FAULT)))
    with pytest.raises(ModelError, match="odd"):
        await caller(model, replace(QUICK, requests_per_minute=1)).call(ASKED, "u")
    assert model.calls == 1


async def test_too_many_choices_are_cut_and_none_is_a_stumble() -> None:
    replies = [answer(0), answer(3)]
    model = Provider(lambda number: replies[number])
    reply = await caller(model).call(ASKED, "u")
    assert len(reply.choices) == 1
    assert reply.attempts == 2


def test_a_prompt_has_no_more_tokens_than_is_assumed() -> None:
    request = Request((Message("user", "Wie groß? ∑"),), prefix="So", schema={"type": "object"})
    assert prompt_bound(request) > len("Wie groß? ∑So".encode()) + len('{"type": "object"}')


def _raise(error: ModelError) -> Reply:
    raise error
