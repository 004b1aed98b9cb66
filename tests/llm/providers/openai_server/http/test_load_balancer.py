"""Where calls go: forms of an address, and several servers of one model of which some are away."""

import asyncio
import math
import socket
from collections import Counter
from contextlib import ExitStack, suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.llm.limits import Limits
from redraft.llm.model import Cause, Message, ModelError, Request
from redraft.llm.providers.openai_server.http.load_balancer import LoadBalancer, split_addresses
from redraft.llm.providers.openai_server.model import ServerModel
from redraft.llm.providers.route import route

ASKED = (Message("user", "Two and two?"),)


def asking(text: str) -> Request:
    return Request((Message("user", text),))


@pytest.mark.parametrize(
    "form", ["{root}/v1", "{root}/v1/", "{root}", "{root}/", "{bare}", "{root}/v1/chat/completions", "{root}/v1?a=b"]
)
async def test_every_form_of_an_address_leads_to_the_endpoint(openai_server: Any, model_at: Any, form: str) -> None:
    root = openai_server.url.removesuffix("/v1")
    model = model_at(form.format(root=root, bare=root.removeprefix("http://")))
    assert (await model.complete(Request(ASKED))).attempts == 1
    assert len(openai_server.requests) == 1


@pytest.mark.parametrize("given", ["", "/v1", "/api", "/api/v1", "/v2", "/v1beta/openai"])
async def test_the_endpoint_is_looked_for_with_and_without_a_version(
    speaks: Any, model_at: Any, chat: Any, given: str
) -> None:
    for there in {given, given if given.endswith(("1", "2")) else f"{given}/v1"}:
        server = await speaks(
            lambda path, body, there=there: chat("Four.") if path == f"{there}/chat/completions" else (404, b"")
        )
        model = model_at(server.root + given)
        for _ in range(2):
            assert (await model.complete(Request(ASKED))).choices[0].text == "Four."
        assert len(server.asked) <= 3


@pytest.mark.parametrize("given", ["", " , ", "ftp://host/v1", "http://", "http://a b/"])
def test_what_is_no_address_is_a_fatal_error(given: str) -> None:
    with pytest.raises(ModelError, match="--api-base") as raised:
        route("tiny", given or ",")
    assert raised.value.fatal


def test_several_addresses_come_in_one_text_or_in_several() -> None:
    assert split_addresses("http://a/v1, http://b/v1,http://a/v1") == split_addresses(["http://a/v1", " http://b/v1"])
    assert split_addresses("http://a/v1,") == ("http://a/v1",)


async def test_no_server_gets_more_than_its_share_of_the_calls_in_flight(openai_protocol: Any, model_at: Any) -> None:
    """Also if all calls are of one tree."""
    held = asyncio.Barrier(61)  # the calls, and this test

    async def write(messages: Any, seed: int, index: int) -> str:
        await held.wait()
        await held.wait()
        return "Four."

    servers = [await openai_protocol.OpenAIServer(write).start() for _ in range(3)]
    model = model_at(",".join(server.url for server in servers))
    calls = [asyncio.create_task(model.complete(asking("one tree"))) for _ in range(60)]
    await held.wait()
    assert sorted(len(server.requests) for server in servers) == [10, 25, 25]  # 25 = 1.25 x 60 / 3
    await held.wait()
    await asyncio.gather(*calls)
    for server in servers:
        await server.stop()


async def test_calls_of_one_tree_go_to_one_server_while_others_are_as_free(openai_protocol: Any, model_at: Any) -> None:
    """Whatever stands before its question, and however many turns come after it."""
    servers = [await openai_protocol.OpenAIServer().start() for _ in range(3)]
    model = model_at([server.url for server in servers])
    opening = (Message("system", "Be brief."), Message("user", "An example?"), Message("assistant", "Yes."))
    for number in range(40):
        asked = (*opening, Message("user", f"question {number}"))
        for turns in range(3):
            later = (Message("assistant", f"{turns}"), Message("user", f"No, {turns}.")) * turns
            await model.complete(Request(asked + later))
    seen = [{request["messages"][3]["content"] for request in server.requests} for server in servers]
    assert sum(map(len, seen)) == 40
    assert all(seen)
    for server in servers:
        await server.stop()


async def test_an_address_that_refuses_is_passed_over_and_used_again_when_it_is_back(
    openai_protocol: Any, model_at: Any
) -> None:
    first, second = [await openai_protocol.OpenAIServer().start() for _ in range(2)]
    model = model_at([first.url, second.url])
    down = asyncio.create_task(first.down(0.6))
    await asyncio.sleep(0.05)

    replies = [await model.complete(asking(f"{number}")) for number in range(20)]
    assert [reply.attempts for reply in replies] == [1] * 20
    assert (len(first.requests), len(second.requests)) == (0, 20)

    await down
    while not first.requests:
        await asyncio.gather(*(model.complete(asking(f"{number}")) for number in range(8)))
    await asyncio.gather(*(model.complete(asking(f"{number}")) for number in range(8)))
    assert len(first.requests) >= 4  # the call that tried it, and what the other one may not take: 8 - 1.25 x 8 / 2
    await first.stop()
    await second.stop()


async def test_a_server_that_stumbles_rests_while_another_answers(openai_protocol: Any, model_at: Any) -> None:
    """Else the one that fails at once would draw most of the calls, since it has the fewest in flight."""
    sick = await openai_protocol.OpenAIServer(rates={"500": 1.0}).start()
    well = await openai_protocol.OpenAIServer(latency_ms=5).start()
    model = model_at([sick.url, well.url])
    for number in range(40):
        with suppress(ModelError):
            await model.complete(asking(f"{number}"))
    assert 1 <= len(sick.requests) <= 3
    assert len(sick.requests) + len(well.requests) == 40
    await sick.stop()
    await well.stop()


async def test_only_where_all_are_down_is_the_provider_down(openai_protocol: Any, model_at: Any) -> None:
    servers = [await openai_protocol.OpenAIServer().start() for _ in range(2)]
    model = model_at([server.url for server in servers], limits=Limits(connect_s=1))
    for server in servers:
        await server.stop()
    for _ in range(2):
        with pytest.raises(
            ModelError, match=r"Nobody answers at http://127\.0\.0\.1:\d+/v1, http://.* Check that it is up"
        ):
            await model.complete(Request(ASKED))
    again = await openai_protocol.OpenAIServer().start(servers[1].port)
    assert (await model.complete(Request(ASKED))).attempts == 1
    await again.stop()


async def test_a_name_that_no_one_knows_is_down_too(model_at: Any) -> None:
    with pytest.raises(ModelError, match=r"Nobody answers at http://no-such-host\.invalid/v1") as raised:
        await model_at("http://no-such-host.invalid/v1").complete(Request(ASKED))
    assert (raised.value.cause, raised.value.fatal) == (Cause.DOWN, False)


ADDRESSES = [f"http://gpu{number}:8000/v1" for number in range(8)]


def placed(addresses: list[str], trees: range, now: float = 0.0, down: str = "") -> dict[int, str]:
    """The address of each tree if nothing is in flight."""
    fleet = LoadBalancer(addresses, now=lambda: now)
    for address in fleet:
        if address.redacted == down:
            address.record_failure(now, now)
    return {tree: fleet.order(tree)[0].redacted for tree in trees}


def test_each_tree_has_a_server_by_the_addresses_alone() -> None:
    """So several processes choose alike, in whatever order they name the addresses; each server has as many trees."""
    before = placed(ADDRESSES, range(8000))
    assert placed(ADDRESSES[::-1], range(8000)) == before
    counts = Counter(before.values())
    assert len(counts) == 8
    assert max(abs(count - 1000) for count in counts.values()) < 4 * (1000 * 7 / 8) ** 0.5  # four standard deviations


@pytest.mark.parametrize("gone", ADDRESSES[::3])
def test_only_the_trees_of_a_dead_server_move(gone: str) -> None:
    """Whether it is known to be down or is named no more; they spread over all others."""
    before = placed(ADDRESSES, range(4000))
    down = placed(ADDRESSES, range(4000), down=gone)
    assert {tree for tree in before if down[tree] != before[tree]} == {tree for tree in before if before[tree] == gone}
    assert placed([one for one in ADDRESSES if one != gone], range(4000)) == down
    moved = Counter(down[tree] for tree in before if before[tree] == gone)
    assert len(moved) == 7
    assert max(moved.values()) < 2 * min(moved.values())


@given(st.lists(st.integers(0, 30), min_size=1, max_size=300), st.integers(2, 8), st.randoms(use_true_random=False))
def test_load_stays_within_its_bound_whatever_the_trees(trees: list[int], servers: int, chance: Random) -> None:
    """By the bound's definition: a call joins a server that has at most 1.25 times the mean, itself counted."""
    fleet = LoadBalancer(ADDRESSES[:servers])
    busy: list[Any] = []
    for tree in trees:
        address = fleet.order(tree)[0]
        address.in_flight += 1
        busy.append(address)
        assert address.in_flight <= math.ceil(1.25 * len(busy) / servers)
        if chance.random() < 0.3:
            busy.pop(chance.randrange(len(busy))).in_flight -= 1


def test_a_tree_whose_server_is_full_has_one_other_server() -> None:
    fleet = LoadBalancer(ADDRESSES)
    for one in fleet:
        one.in_flight = 10
    first, second = fleet.order(7)[:2]
    first.in_flight = 20
    assert fleet.order(7)[0] is second
    first.in_flight = 10
    assert fleet.order(7)[0] is first


def test_pauses_grow_with_each_failed_trial_and_one_call_tries() -> None:
    """A trial that fails doubles the pause; calls that fail together count once; an answer ends it."""
    clock = [0.0]
    fleet = LoadBalancer(["http://a", "http://b"], now=lambda: clock[0])
    bad, good = list(fleet)

    def best() -> Any:
        return fleet.order(0)[0]

    bad.record_failure(0.0, 0.1)
    bad.record_failure(0.0, 0.1)
    pauses = []
    for _ in range(8):
        begun = clock[0]
        while best() is not bad:
            clock[0] += 0.1
        pauses.append(round(clock[0] - begun))
        bad.record_try(clock[0])
        assert best() is good
        bad.record_failure(clock[0], clock[0])
    assert pauses == [1, 1, 2, 4, 8, 16, 30, 30]
    bad.record_answer()
    assert best() is bad


@pytest.mark.parametrize(
    ("name", "known", "asked"),
    [
        ("openai/gpt-oss-20b", "openai/gpt-oss-20b", ["openai/gpt-oss-20b"]),
        ("openai/tiny", "tiny", ["openai/tiny", "tiny"]),
        ("hosted_vllm/Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B", ["hosted_vllm/Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B"]),
        ("Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B", ["Qwen/Qwen2.5-7B"]),
    ],
)
async def test_a_model_is_asked_for_by_the_name_that_the_server_knows(
    openai_server: Any, model_at: Any, name: str, known: str, asked: list[str]
) -> None:
    openai_server.models = {known}
    model = model_at(openai_server.url, name)
    for _ in range(2):
        await model.complete(Request(ASKED))
    assert [request["model"] for request in openai_server.requests] == [*asked, known]
    assert model.name == name


def test_a_provider_with_a_protocol_of_its_own_goes_through_litellm() -> None:
    assert not isinstance(route("anthropic/claude-sonnet-4-5", "http://127.0.0.1:9"), ServerModel)


async def test_an_address_that_takes_too_long_to_connect_is_passed_over(openai_server: Any, model_at: Any) -> None:
    """A host that drops packets: here, a listener whose queue is full."""
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        mute = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match="no connection in time") as raised:
            await model_at(mute, limits=Limits(connect_s=0.2)).complete(Request(ASKED))
        assert raised.value.cause is Cause.DOWN
        model = model_at([mute, openai_server.url], limits=Limits(connect_s=0.2))
        for number in range(4):
            assert (await model.complete(asking(f"{number}"))).attempts == 1
