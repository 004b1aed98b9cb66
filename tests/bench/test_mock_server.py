"""The mock server says what a provider would say, and does what it is told to."""

import asyncio
import json
import math
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import pytest

ASKED = {"model": "mock", "messages": [{"role": "user", "content": "How many hats has Ann?"}]}
SERVER = Path(__file__).parents[2] / "bench" / "mock_server.py"


@pytest.fixture
async def server(openai_protocol: ModuleType) -> AsyncIterator[Any]:
    """One that writes solutions of its own."""
    running = await openai_protocol.OpenAIServer().start()
    yield running
    await running.stop()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def _post(http: aiohttp.ClientSession, server: Any, path: Any = "chat/completions", **more: Any) -> Any:
    body = (ASKED if path == "chat/completions" else {"model": "mock"}) | more
    async with http.post(f"{server.url}/{path}", json=body) as response:
        return response.status, await response.json()


async def _texts(http: aiohttp.ClientSession, server: Any, **more: Any) -> list[str]:
    status, reply = await _post(http, server, **more)
    assert status == 200
    return [choice["message"]["content"] for choice in reply["choices"]]


async def test_a_choices_text_is_that_of_its_seed(server: Any, http: aiohttp.ClientSession) -> None:
    both = await _texts(http, server, seed=7, n=2)
    assert both == [*await _texts(http, server, seed=7), *await _texts(http, server, seed=8)]
    fresh = [*await _texts(http, server, n=2), *await _texts(http, server, n=2)]
    assert len({*both, *fresh}) == 6
    assert len({*await _texts(http, server, n=3, temperature=0)}) == 1
    assert (server.record.distinct, server.record.samples.total()) == (7, 11)


async def test_a_text_is_a_solution_in_steps(server: Any, http: aiohttp.ClientSession) -> None:
    texts = await _texts(http, server, seed=0, n=200)
    assert len({*texts}) == 200
    for text in texts:
        *steps, last = text.split("\n\n")
        assert 4 <= len(steps) <= 7
        assert last.startswith("The answer is \\boxed{")
        assert 60 <= len(text.split()) <= 150


async def test_log_probabilities_spell_the_text_in_both_forms(server: Any, http: aiohttp.ClientSession) -> None:
    _, chat = await _post(http, server, seed=3, logprobs=True)
    [choice] = chat["choices"]
    tokens = [entry["token"] for entry in choice["logprobs"]["content"]]
    assert "".join(tokens) == choice["message"]["content"]
    assert bytes(b for entry in choice["logprobs"]["content"] for b in entry["bytes"]).decode() == "".join(tokens)
    assert all(entry["logprob"] < 0 for entry in choice["logprobs"]["content"])
    _, raw = await _post(http, server, "completions", prompt="How many hats has Ann?", seed=3, logprobs=1)
    [same] = raw["choices"]
    assert same["text"] == choice["message"]["content"]
    assert same["logprobs"]["tokens"] == tokens
    assert same["logprobs"]["token_logprobs"] == [entry["logprob"] for entry in choice["logprobs"]["content"]]
    at = same["logprobs"]["text_offset"]
    assert [same["text"][a : a + len(token)] for a, token in zip(at, tokens, strict=True)] == tokens
    assert chat["usage"] == raw["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": len(tokens),
        "total_tokens": 5 + len(tokens),
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }  # fmt: skip


async def test_a_text_ends_at_the_first_stop_string_which_is_named(server: Any, http: aiohttp.ClientSession) -> None:
    server.write = lambda messages, seed, index: "one two\n\nthree. four"
    _, reply = await _post(http, server, stop=[".", "\n\n"], logprobs=True)
    [choice] = reply["choices"]
    assert (choice["message"]["content"], choice["finish_reason"], choice["stop_reason"]) == ("one two", "stop", "\n\n")
    assert [entry["logprob"] for entry in choice["logprobs"]["content"]] == [-0.5, -0.75]
    for limit in ("max_tokens", "max_completion_tokens"):
        _, reply = await _post(http, server, **{limit: 1})
        [choice] = reply["choices"]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("one", "length")
    server.ignores = {"stop"}
    assert await _texts(http, server, stop=["\n\n"]) == ["one two\n\nthree. four"]


async def test_streamed_events_join_to_the_same_reply(server: Any, http: aiohttp.ClientSession) -> None:
    server.thinking = "let me see"
    _, whole = await _post(http, server, seed=5, n=2, logprobs=True)
    body = ASKED | {"seed": 5, "n": 2, "logprobs": True, "stream": True, "stream_options": {"include_usage": True}}
    async with http.post(f"{server.url}/chat/completions", json=body) as response:
        lines = [line.removeprefix(b"data: ") async for line in response.content if line.strip()]
    assert lines[-1] == b"[DONE]\n"
    events = [json.loads(line) for line in lines[:-1]]
    assert [event["usage"] for event in events if not event["choices"]] == [whole["usage"]]
    for index, choice in enumerate(whole["choices"]):
        parts = [part for event in events for part in event["choices"] if part["index"] == index]
        assert "".join(part["delta"].get("content", "") for part in parts) == choice["message"]["content"]
        assert parts[0]["delta"]["reasoning_content"] == "let me see"
        assert parts[-1]["finish_reason"] == "stop"
        logprobs = [entry for part in parts if part.get("logprobs") for entry in part["logprobs"]["content"]]
        assert logprobs == choice["logprobs"]["content"]


async def test_a_half_written_answer_is_continued_by_servers_that_do_so(
    server: Any, http: aiohttp.ClientSession
) -> None:
    [text] = await _texts(http, server, seed=1)
    begun, rest = text.split("\n\n", 2)[:2], text.split("\n\n", 2)[2]
    prefix = {"role": "assistant", "content": "\n\n".join(begun) + "\n\n"}
    flags = {"continue_final_message": True, "add_generation_prompt": False}
    asked = {"messages": [*ASKED["messages"], prefix], "seed": 1}
    assert await _texts(http, server, **asked, **flags) == [rest]
    assert (await _texts(http, server, **asked))[0].startswith("Let us call")
    assert (await _post(http, server, **asked, continue_final_message=True))[0] == 400
    server.continues = "trailing"
    assert await _texts(http, server, **asked) == [rest]
    server.continues = "none"
    assert (await _texts(http, server, **asked, **flags))[0].startswith("Let us call")
    server.continues = "flag"
    server.write = lambda messages, seed, index: "one two three"
    asked["messages"] = [*ASKED["messages"], {"role": "assistant", "content": "one"}]
    assert await _texts(http, server, **asked, **flags) == [" two three"]


async def test_a_schema_is_honoured_or_ignored_or_rejected(server: Any, http: aiohttp.ClientSession) -> None:
    schema = {"type": "object", "properties": {"step": {"type": "string"}, "last": {"type": "boolean"}}}
    form = {"type": "json_schema", "json_schema": {"name": "next", "schema": schema}}
    replies = [json.loads(text) for text in await _texts(http, server, seed=0, n=6, response_format=form)]
    assert [reply["last"] for reply in replies] == [False, False, True, False, False, True]
    assert ["boxed" in reply["step"] for reply in replies] == [reply["last"] for reply in replies]
    server.structured = "ignore"
    assert (await _texts(http, server, response_format=form))[0].startswith("Let us")
    server.structured = "reject"
    status, reply = await _post(http, server, response_format=form)
    assert (status, reply["error"]["param"]) == (400, "response_format")


async def test_what_a_server_cannot_do_is_rejected_or_silently_ignored(
    server: Any, http: aiohttp.ClientSession
) -> None:
    server.rejects = {"logprobs"}
    status, reply = await _post(http, server, logprobs=True)
    assert (status, reply["error"]["param"]) == (400, "logprobs")
    server.rejects, server.ignores = set(), {"n", "seed", "logprobs"}
    _, first = await _post(http, server, n=4, seed=1, logprobs=True)
    _, second = await _post(http, server, n=4, seed=1, logprobs=True)
    [one], [other] = first["choices"], second["choices"]
    assert one["logprobs"] is other["logprobs"] is None
    assert one["message"]["content"] != other["message"]["content"]
    server.models = {"small"}
    assert (await _post(http, server))[0] == 404
    async with http.get(f"{server.url}/models") as listed:
        assert [model["id"] for model in (await listed.json())["data"]] == ["small"]


async def test_a_prompts_beginning_that_was_seen_is_cached(server: Any, http: aiohttp.ClientSession) -> None:
    server.caches = True
    shared = "word " * 40
    cached = []
    for end in ("one", "two"):
        _, reply = await _post(http, server, messages=[{"role": "user", "content": shared + end}])
        cached.append(reply["usage"]["prompt_tokens_details"]["cached_tokens"])
    assert cached == [0, 32]


async def test_limits_a_minute_are_kept_and_say_when_to_come_again(openai_protocol: ModuleType) -> None:
    server = await openai_protocol.OpenAIServer(requests_per_minute=3, window_s=0.4).start()
    async with aiohttp.ClientSession() as http:
        assert [(await _post(http, server))[0] for _ in range(4)] == [200, 200, 200, 429]
        async with http.post(f"{server.url}/chat/completions", json=ASKED) as refused:
            wait = float(refused.headers["Retry-After"])
        assert 0 < wait <= 0.4
        await asyncio.sleep(wait + 0.01)
        assert (await _post(http, server))[0] == 200
        server.requests_per_minute, server.tokens_per_minute, server.retry_after = None, 100, None
        server.write = lambda messages, seed, index: "word " * 35
        assert [(await _post(http, server))[0] for _ in range(3)] == [200, 200, 429]
        async with http.post(f"{server.url}/chat/completions", json=ASKED) as refused:
            assert "Retry-After" not in refused.headers
    await server.stop()


async def test_each_fault_is_met_as_it_is_named(
    server: Any, http: aiohttp.ClientSession, openai_protocol: ModuleType
) -> None:
    named = openai_protocol.named
    for name, status in (("429+", 429), ("429", 429), ("500", 500), ("503", 503)):
        server.faults = [named(name)]
        async with http.post(f"{server.url}/chat/completions", json=ASKED) as response:
            assert (response.status, "Retry-After" in response.headers) == (status, name == "429+")
    for name in ("drop", "cut"):
        server.faults = [named(name)]
        with pytest.raises(aiohttp.ClientError):
            await _post(http, server)
    server.faults = [named("blank"), named("malformed")]
    async with http.post(f"{server.url}/chat/completions", json=ASKED) as response:
        assert (response.status, await response.read()) == (200, b"")
    with pytest.raises(json.JSONDecodeError):
        await _post(http, server)
    server.faults = [named("empty"), named("few"), named("many")]
    assert [len(await _texts(http, server, n=4)) for _ in range(4)] == [0, 3, 5, 4]
    server.faults = [named("truncated"), named("nan"), named("null")]
    _, reply = await _post(http, server)
    assert reply["choices"][0]["finish_reason"] == "length"
    _, reply = await _post(http, server, logprobs=True)
    assert all(math.isnan(entry["logprob"]) for entry in reply["choices"][0]["logprobs"]["content"])
    _, reply = await _post(http, server, "completions", prompt="Why?", logprobs=1)
    assert {*reply["choices"][0]["logprobs"]["token_logprobs"]} == {None}
    with pytest.raises(ValueError, match="no fault 'fire'; there are drop, cut"):
        named("fire")


async def test_a_call_that_hangs_ends_when_its_client_leaves(
    server: Any, http: aiohttp.ClientSession, openai_protocol: ModuleType
) -> None:
    server.faults = [openai_protocol.named("hang")]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_post(http, server), 0.1)
    await asyncio.sleep(0.05)
    [entry] = server.record.entries
    assert (entry.fault, entry.status, server.record.in_flight) == ("hang", 0, 0)


async def test_rates_are_met_as_often_as_they_say_and_the_same_by_the_same_seed(openai_protocol: ModuleType) -> None:
    met = []
    for _ in range(2):
        server = await openai_protocol.OpenAIServer(rates={"429+": 0.2, "500": 0.1}, seed=4).start()
        async with aiohttp.ClientSession() as http:
            met.append([(await _post(http, server))[0] for _ in range(300)])
        await server.stop()
    assert met[0] == met[1]
    assert 40 <= met[0].count(429) <= 80
    assert 15 <= met[0].count(500) <= 45


async def test_down_is_refused_connections_and_then_the_same_address(server: Any, http: aiohttp.ClientSession) -> None:
    assert (await _post(http, server))[0] == 200
    server.latency_ms = 5_000
    waiting = asyncio.create_task(_post(http, server))
    await asyncio.sleep(0.05)
    down = asyncio.create_task(server.down(0.3))
    with pytest.raises(aiohttp.ClientError):
        await waiting
    with pytest.raises(aiohttp.ClientConnectorError):
        await _post(http, server)
    await down
    server.latency_ms = 0
    assert (await _post(http, server))[0] == 200


async def test_the_log_tells_what_was_answered_and_charged(
    server: Any, http: aiohttp.ClientSession, openai_protocol: ModuleType
) -> None:
    server.latency_ms = 30
    server.faults = [openai_protocol.named("500"), openai_protocol.named("cut")]
    for failure in (500, None):
        if failure:
            assert (await _post(http, server))[0] == failure
        else:
            with pytest.raises(aiohttp.ClientError):
                await _post(http, server)
    replies = await asyncio.gather(*(_post(http, server, seed=1, n=2) for _ in range(3)))
    async with http.get(server.url.replace("/v1", "/log")) as answer:
        log = await answer.json()
    entries = log.pop("entries")
    assert [(entry["status"], entry["fault"], entry["choices"]) for entry in entries] == [
        (500, "500", 0), (0, "cut", 1), (200, None, 2), (200, None, 2), (200, None, 2),
    ]  # fmt: skip
    assert [entry["charged"] for entry in entries[2:]] == [reply["usage"]["total_tokens"] for _, reply in replies]
    assert (entries[0]["charged"], entries[1]["charged"] > 0) == (0, True)
    assert entries[2]["body"] == ASKED | {"seed": 1, "n": 2}
    assert all(entry["seconds"] >= 0.03 for entry in entries[2:])
    assert (log["requests"], log["samples"], log["distinct"], log["most_in_flight"]) == (5, 6, 2, 3)


async def test_a_batch_is_answered_by_its_custom_ids(
    server: Any, http: aiohttp.ClientSession, openai_protocol: ModuleType
) -> None:
    server.batch_s = 0.1
    lines = [
        {"custom_id": f"c{seed}", "method": "POST", "url": "/v1/chat/completions", "body": ASKED | {"seed": seed}}
        for seed in range(4)
    ]
    form = aiohttp.FormData({"purpose": "batch"})
    form.add_field("file", "\n".join(map(json.dumps, lines)).encode(), filename="in.jsonl")
    async with http.post(f"{server.url}/files", data=form) as uploaded:
        file = (await uploaded.json())["id"]
    server.faults = [None, openai_protocol.named("500"), openai_protocol.named("drop"), None]
    _, batch = await _post(http, server, "batches", input_file_id=file, endpoint="/v1/chat/completions")
    seen = [batch["status"]]
    while batch["status"] != "completed":
        await asyncio.sleep(0.03)
        async with http.get(f"{server.url}/batches/{batch['id']}") as looked:
            batch = await looked.json()
        seen.append(batch["status"])
    assert list(dict.fromkeys(seen)) == ["validating", "in_progress", "completed"]
    assert batch["request_counts"] == {"total": 4, "completed": 2, "failed": 2}
    good, bad = await _lines(http, server, batch["output_file_id"]), await _lines(http, server, batch["error_file_id"])
    texts = {line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"] for line in good}
    assert texts == {f"c{seed}": (await _texts(http, server, seed=seed))[0] for seed in (0, 3)}
    assert [(line["custom_id"], (line["response"] or {}).get("status_code")) for line in bad] == [
        ("c1", 500),
        ("c2", None),
    ]
    async with http.get(f"{server.url}/batches/other") as missing:
        assert missing.status == 404


async def _lines(http: aiohttp.ClientSession, server: Any, file: str) -> list[dict[str, Any]]:
    async with http.get(f"{server.url}/files/{file}/content") as content:
        return [json.loads(line) for line in (await content.read()).splitlines()]


async def test_it_runs_by_one_command_and_is_set_while_it_runs(http: aiohttp.ClientSession) -> None:
    command = [sys.executable, str(SERVER), "--latency-ms", "20", "--rejects", '["n"]', "--key", "right"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        url = (await process.stdout.readline()).decode().strip()
        root, chat = url.removesuffix("/v1"), f"{url}/chat/completions"
        right = {"Authorization": "Bearer right"}
        async with http.post(chat, json=ASKED) as refused:
            assert refused.status == 401
        async with http.post(chat, json=ASKED | {"n": 2}, headers=right) as rejected:
            assert rejected.status == 400
        settings = {"rejects": [], "key": None, "faults": ["503"], "latency_ms": 0}
        async with http.post(f"{root}/settings", json=settings) as done:
            assert done.status == 200
        statuses = []
        for _ in range(2):
            async with http.post(chat, json=ASKED | {"n": 2}) as response:
                statuses.append(response.status)
        assert statuses == [503, 200]
        async with http.get(f"{root}/log?summary=1") as summary:
            assert (await summary.json())["statuses"] == {"401": 1, "400": 1, "503": 1, "200": 1}
        async with http.post(f"{root}/down?seconds=0.2"):
            pass
        await _until_up(http, f"{url}/models")
    finally:
        process.terminate()
        await process.wait()


async def _until_up(http: aiohttp.ClientSession, address: str) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            async with http.get(address) as response:
                assert response.status == 200
                return
        except aiohttp.ClientError:
            await asyncio.sleep(0.05)
    raise TimeoutError(address)
