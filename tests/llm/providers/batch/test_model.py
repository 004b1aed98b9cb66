"""Batches against a real server that has files and batches: gathered, waited for, resumed, paid once."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from redraft.llm.client.client import Client
from redraft.llm.limits import Limits
from redraft.llm.model import Message, ModelError, Request
from redraft.llm.providers.batch.litellm_batches import ProviderBatches
from redraft.llm.providers.batch.model import BatchModel
from redraft.llm.providers.batch.state_file import BatchStateFile
from redraft.llm.providers.via_litellm.model import LiteLLMModel
from redraft.llm.providers.via_litellm.route import litellm_model
from redraft.llm.scripted import Scripted
from redraft.llm.usage import Prices
from redraft.store.problems import Question

ASKED = (Message("user", "Two and two?"),)


@pytest.fixture(autouse=True)
def _of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, and nothing remembered of other models."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


class Heard(list[str]):
    """What a model says; `first` is set with its first words."""

    def __init__(self) -> None:
        super().__init__()
        self.first = asyncio.Event()

    def __call__(self, text: str) -> None:
        self.append(text)
        self.first.set()


def batched(server: Any, folder: Path, name: str = "tiny", *, quiet_s: float = 0.2, most: int = 10_000) -> BatchModel:
    return BatchModel(litellm_model(name, server.url), folder, quiet_s=quiet_s, most=most, pause_s=0.05)


async def sizes(server: Any) -> list[int]:
    """The numbers of calls in the batches that a server has been sent, oldest first."""
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/batches") as reply:
        return [batch["request_counts"]["total"] for batch in (await reply.json())["data"]]


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("batches-*")]


async def test_calls_that_come_together_go_out_together(openai_server: Any, tmp_path: Path) -> None:
    model = batched(openai_server, tmp_path)
    model.say = heard = Heard()

    replies = await asyncio.gather(*(model.complete(Request(ASKED, n=2, seeds=(seed, 9))) for seed in range(5)))

    assert [[choice.text for choice in reply.choices] for reply in replies] == [
        [f"sample 0 of seed {seed}", f"sample 1 of seed {seed}"] for seed in range(5)
    ]
    assert replies[0].usage.completion == 10
    assert await sizes(openai_server) == [5]
    assert heard == ["Sent to openai as batch batch_2; calls: 5."]
    await model.close()
    assert (left(tmp_path), len(heard)) == ([], 1)


async def test_a_batch_goes_out_when_it_is_full(openai_server: Any, tmp_path: Path) -> None:
    model = batched(openai_server, tmp_path, most=2, quiet_s=60.0)
    await asyncio.gather(*(model.complete(Request(ASKED, seeds=(seed,))) for seed in range(4)))
    assert await sizes(openai_server) == [2, 2]


async def test_what_follows_from_an_answer_goes_into_a_later_batch(openai_server: Any, tmp_path: Path) -> None:
    model = batched(openai_server, tmp_path)

    async def tree(seed: int) -> None:
        for turn in range(3):
            await model.complete(Request((*ASKED, Message("user", str(turn))), seeds=(seed,)))

    await asyncio.gather(*(tree(seed) for seed in range(3)))
    assert await sizes(openai_server) == [3, 3, 3]


async def test_equal_calls_without_a_seed_are_calls_of_their_own(openai_server: Any, tmp_path: Path) -> None:
    model = batched(openai_server, tmp_path)
    replies = await asyncio.gather(*(model.complete(Request(ASKED)) for _ in range(3)))
    assert len({reply.choices[0].text for reply in replies}) == 3
    assert await sizes(openai_server) == [3]


async def test_the_clients_limit_of_calls_in_flight_does_not_hold_for_batches(
    openai_server: Any, tmp_path: Path
) -> None:
    client = Client(batched(openai_server, tmp_path), limits=Limits(concurrency=2, requests_per_minute=1))
    questions = [Question(f"p{number}", "q", unit=f"u{number}") for number in range(6)]
    await asyncio.gather(*(client.complete(q, "propose", f"{q.unit}/", ASKED) for q in questions))
    assert await sizes(openai_server) == [6]


async def test_calls_that_fail_within_a_batch_are_asked_again_and_no_others(
    openai_server: Any, openai_protocol: ModuleType, tmp_path: Path
) -> None:
    openai_server.faults = [openai_protocol.named(name) for name in ("500", "429", "drop")]
    client = Client(batched(openai_server, tmp_path), limits=Limits(wait_s=0.01))
    questions = [Question(f"p{number}", "q", unit=f"u{number}") for number in range(8)]

    drawn = await asyncio.gather(*(client.complete(q, "propose", f"{q.unit}/", ASKED) for q in questions))

    assert len({choice.text for [choice] in drawn}) == 8
    assert await sizes(openai_server) == [8, 3]
    await client.close()
    assert left(tmp_path) == []


async def test_a_call_that_is_rejected_fails_alone_with_its_reason(
    openai_server: Any, openai_protocol: ModuleType, tmp_path: Path
) -> None:
    openai_server.faults = [openai_protocol.Fault(400, {"error": {"message": "This is too long."}})]
    model = batched(openai_server, tmp_path)

    failed, answered = await asyncio.gather(
        *(model.complete(Request(ASKED, seeds=(seed,))) for seed in range(2)), return_exceptions=True
    )

    assert str(failed) == "The prompt and --max-tokens are too long for tiny (This is too long.). Lower --max-tokens."
    assert not isinstance(answered, BaseException)


async def test_a_setting_that_is_rejected_in_a_batch_is_left_out_of_the_next(
    openai_server: Any, tmp_path: Path
) -> None:
    openai_server.rejects = {"logprobs"}
    client = Client(batched(openai_server, tmp_path), limits=Limits(wait_s=0.01))
    [choice] = await client.complete(Question("p", "q", unit="u"), "propose", "u/", ASKED)
    assert choice.logprobs is None
    assert ["logprobs" in entry.body for entry in openai_server.record.entries] == [True, False]


async def test_what_a_batch_had_answered_when_it_expired_is_used_and_the_rest_asked_anew(
    openai_server: Any, tmp_path: Path
) -> None:
    openai_server.batch_answers = 2

    def hear(text: str) -> None:
        openai_server.batch_answers = None

    client = Client(batched(openai_server, tmp_path), limits=Limits(wait_s=0.01), say=hear)
    questions = [Question(f"p{number}", "q", unit=f"u{number}") for number in range(5)]

    drawn = await asyncio.gather(*(client.complete(q, "propose", f"{q.unit}/", ASKED) for q in questions))

    assert len({choice.text for [choice] in drawn}) == 5
    assert await sizes(openai_server) == [5, 3]
    assert len(openai_server.record.entries) == 5


async def test_a_batch_that_somebody_cancels_fails_with_that_reason(openai_server: Any, tmp_path: Path) -> None:
    openai_server.batch_s = 60.0
    model = batched(openai_server, tmp_path)
    model.say = heard = Heard()
    waiting = asyncio.create_task(model.complete(Request(ASKED)))
    await heard.first.wait()

    async with aiohttp.ClientSession() as session:
        await session.post(f"{openai_server.url}/batches/batch_2/cancel")

    with pytest.raises(ModelError, match=r"Batch batch_2 was cancelled\. Give the command again"):
        await waiting


async def test_a_provider_that_is_busy_or_stumbles_is_asked_again(
    openai_server: Any, openai_protocol: ModuleType, tmp_path: Path
) -> None:
    openai_server.batch_faults = [openai_protocol.named(name, "0") for name in ("429+", "500", "drop")]
    model = batched(openai_server, tmp_path)
    model.say = heard = Heard()

    assert (await model.complete(Request(ASKED, seeds=(3,)))).choices[0].text == "sample 0 of seed 3"

    assert await sizes(openai_server) == [1]
    assert "too many requests" in heard[0]


async def test_a_wrong_key_ends_all_calls_at_once(openai_server: Any, tmp_path: Path) -> None:
    openai_server.key = "right"
    model = batched(openai_server, tmp_path)

    errors = await asyncio.gather(*(model.complete(Request(ASKED)) for _ in range(2)), return_exceptions=True)

    assert all(isinstance(error, ModelError) and error.fatal for error in errors)
    assert left(tmp_path) == []


async def test_calls_cost_what_they_cost_in_a_batch(
    openai_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    openai_server.write = lambda messages, seed, index: "It is four."
    model = batched(openai_server, tmp_path, "openai/gpt-4o-mini")

    reply = await model.complete(Request(ASKED))

    assert model.prices == Prices(7.5e-8, 3e-7)
    assert reply.cost_usd == pytest.approx(reply.usage.prompt * 7.5e-8 + 3 * 3e-7)


WAITING = """
import asyncio, sys
from pathlib import Path
from redraft.llm.providers.batch.model import BatchModel
from redraft.llm.providers.via_litellm.route import litellm_model
from redraft.llm.model import Message, Request

async def main():
    model = BatchModel(litellm_model("tiny", sys.argv[1]), Path(sys.argv[2]), quiet_s=0.2, pause_s=0.05)
    model.say = lambda text: print(text, flush=True)
    calls = (model.complete(Request((Message("user", "Two and two?"),), seeds=(seed,))) for seed in range(4))
    print([reply.choices[0].text for reply in await asyncio.gather(*calls)], flush=True)
    await model.close()

asyncio.run(main())
"""


async def test_a_process_that_is_killed_while_it_waits_goes_on_and_pays_once(
    openai_server: Any, tmp_path: Path
) -> None:
    openai_server.batch_s = 3600.0
    command = (sys.executable, "-c", WAITING, openai_server.url, str(tmp_path))
    first = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert first.stdout is not None
    assert (await first.stdout.readline()).decode() == "Sent to openai as batch batch_2; calls: 4.\n"
    first.kill()
    await first.wait()

    second = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    await asyncio.sleep(1)
    finish(openai_server)
    out, _ = await second.communicate()

    assert out.decode() == f"{[f'sample 0 of seed {seed}' for seed in range(4)]}\n"
    assert await sizes(openai_server) == [4]
    assert left(tmp_path) == []


async def killed_while_sending(server: Any, folder: Path, requests: list[Request]) -> None:
    """What a process leaves behind that is killed before it hears the name of its batch."""
    server.batch_s = 3600.0
    model = batched(server, folder)
    model.say = heard = Heard()
    tasks = [asyncio.create_task(model.complete(request)) for request in requests]
    await heard.first.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    [path] = folder.glob("batches-*")
    path.write_bytes(path.read_bytes().split(b', "batch"')[0])
    assert [entry.batch for entry in BatchStateFile(path).entries.values()] == [""]
    await model.close()


async def test_a_batch_whose_name_was_never_heard_is_found_by_its_mark(openai_server: Any, tmp_path: Path) -> None:
    requests = [Request(ASKED, seeds=(seed,)) for seed in range(2)]
    await killed_while_sending(openai_server, tmp_path, requests)
    finish(openai_server)

    resumed = batched(openai_server, tmp_path)
    replies = await asyncio.gather(*(resumed.complete(request) for request in requests))

    assert [reply.choices[0].text for reply in replies] == ["sample 0 of seed 0", "sample 0 of seed 1"]
    assert await sizes(openai_server) == [2]
    assert left(tmp_path) == []


async def test_a_batch_that_never_arrived_is_sent_by_the_next_process(openai_server: Any, tmp_path: Path) -> None:
    client = Client(batched(openai_server, tmp_path))
    request = client.request(ASKED)
    seeds = (client.seed("u", "propose", "u/", 0),)
    await killed_while_sending(openai_server, tmp_path, [replace(request, seeds=seeds)])
    openai_server._pages._batches.batches.clear()
    openai_server.batch_s = 0.0

    resumed = Client(batched(openai_server, tmp_path), limits=Limits(wait_s=0.01))
    [choice] = await resumed.complete(Question("p", "q", unit="u"), "propose", "u/", ASKED)

    assert choice.text == f"sample 0 of seed {seeds[0]}"
    assert await sizes(openai_server) == [1]
    assert left(tmp_path) == []


async def test_closing_leaves_the_batch_running_and_says_so(openai_server: Any, tmp_path: Path) -> None:
    openai_server.batch_s = 3600.0
    model = batched(openai_server, tmp_path)
    model.say = heard = Heard()
    tasks = [asyncio.create_task(model.complete(Request(ASKED, seeds=(seed,)))) for seed in range(3)]
    await heard.first.wait()
    await asyncio.sleep(0.1)

    begun = time.monotonic()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await model.close()

    assert time.monotonic() - begun < 2
    assert heard[-1] == "Calls still in batches at openai: 3. The same command goes on from them."
    assert len(left(tmp_path)) == 1


def test_a_provider_without_batches_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="LiteLLM sends no batches to anthropic") as raised:
        BatchModel(litellm_model("anthropic/claude-sonnet-4-5"), tmp_path)
    assert raised.value.fatal


def test_a_model_that_is_not_litellms_has_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no batches") as raised:
        BatchModel(Scripted(lambda request, number: "Four."), tmp_path)
    assert raised.value.fatal


async def test_a_line_holds_what_litellm_would_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    model = litellm_model("openai/gpt-5-mini")
    assert isinstance(model, LiteLLMModel)
    request = Request(ASKED, n=2, max_tokens=9, seeds=(3, 4))
    line = json.loads(ProviderBatches(model).line("k-0", request, model.parameters(request)))
    assert line == {
        "custom_id": "k-0",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {
            "model": "gpt-5-mini",
            "messages": [{"role": "user", "content": "Two and two?"}],
            "n": 2,
            "max_completion_tokens": 9,
            "seed": 3,
        },
    }


def finish(server: Any) -> None:
    """End the batches that a server has begun."""
    batches = server._pages._batches
    for name in batches._ends:
        batches._ends[name] = 0.0
