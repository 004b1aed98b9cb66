"""Failures of calls through LiteLLM, each met on a real connection."""

import socket
import time
from email.utils import formatdate
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.llm.client.client import Client
from redraft.llm.limits import Limits
from redraft.llm.model import Cause, Message, ModelError, Request, UnsupportedRequest
from redraft.llm.providers.via_litellm.route import litellm_model
from redraft.llm.usage import Usage
from redraft.store.problems import Question

ASKED = (Message("system", "Be brief."), Message("user", "Two and two?"))


@pytest.fixture(autouse=True)
def _of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, and nothing remembered of other models."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


async def failed(server: Any, request: Request, limits: Limits = Limits()) -> ModelError:  # noqa: B008 - frozen
    """The error that one try meets."""
    with pytest.raises(ModelError) as raised:
        await litellm_model("tiny", server.url, limits).complete(request)
    return raised.value


@pytest.mark.parametrize(
    ("fault", "cause", "fatal", "usage", "words"),
    [
        (429, Cause.BUSY, False, Usage(), "has too many requests"),
        (503, Cause.BUSY, False, Usage(), "has too many requests"),
        (529, Cause.BUSY, False, Usage(), "has too many requests"),
        (500, Cause.FAULT, False, Usage(), "failed"),
        (408, Cause.FAULT, False, Usage(), "failed"),
        ("drop", Cause.FAULT, False, None, "failed"),
        ("cut", Cause.FAULT, False, None, "failed"),
        ("blank", Cause.FAULT, False, None, "answered with nothing."),
        ("malformed", Cause.FAULT, False, None, "answered with broken JSON"),
        ("hang", Cause.FAULT, False, None, "Raise --timeout (in Python, timeout_s of Limits)"),
        ("empty", Cause.FAULT, False, Usage(5, 10, 2), "gave no answer at all."),
        (401, Cause.REQUEST, True, Usage(), "Set OPENAI_API_KEY to a valid key."),
        (403, Cause.REQUEST, True, Usage(), "Set OPENAI_API_KEY to a valid key."),
        (402, Cause.REQUEST, True, Usage(), "has no money left"),
        (404, Cause.REQUEST, True, Usage(), "has no model 'tiny'"),
        (400, Cause.REQUEST, False, Usage(), "rejects the request to tiny"),
        (413, Cause.REQUEST, False, Usage(), "rejects the request to tiny"),
    ],
)
async def test_a_try_that_fails_says_why_in_one_line(
    openai_server: Any,
    openai_protocol: ModuleType,
    fault: int | str,
    cause: Cause,
    fatal: bool,
    usage: Usage | None,
    words: str,
) -> None:
    openai_server.faults = [openai_protocol.Fault(fault)]

    limits = Limits(timeout_s=3 if fault == "hang" else 60)  # LiteLLM's first call takes seconds on a busy machine
    error = await failed(openai_server, Request(ASKED, n=2, seeds=(3, 4)), limits)

    assert (error.cause, error.fatal, error.usage, error.attempts) == (cause, fatal, usage, 1)
    kinds = {"hang": "timeout", "empty": "empty reply", "blank": "bad reply", "malformed": "bad reply"}
    assert error.kind == (kinds.get(fault, "fault") if isinstance(fault, str) else f"HTTP {fault}")
    assert words in str(error)
    assert "\n" not in str(error)
    assert len(openai_server.requests) == 1


@pytest.mark.parametrize(
    ("status", "headers", "message", "least", "most"),
    [
        (429, {"Retry-After": "7"}, "", 7.0, 7.0),
        (503, {"Retry-After": "0.5"}, "", 0.5, 0.5),
        (429, {"Retry-After": formatdate(time.time() + 36_000, usegmt=True)}, "", 30_000.0, 36_000.0),
        (429, {"retry-after-ms": "250"}, "", 0.25, 0.25),
        (429, {}, "Please try again in 1m3.5s.", 63.5, 63.5),
        (429, {}, "Please try again in 20ms.", 0.02, 0.02),
        (429, {}, '{"retryDelay": "34s"}', 34.0, 34.0),
    ],
)
async def test_the_pause_that_a_provider_asks_for_is_read(
    openai_server: Any,
    openai_protocol: ModuleType,
    status: int,
    headers: dict[str, str],
    message: str,
    least: float,
    most: float,
) -> None:
    openai_server.faults = [openai_protocol.Fault(status, {"error": {"message": message}}, headers)]
    error = await failed(openai_server, Request(ASKED))
    assert error.wait_s is not None
    assert least <= error.wait_s <= most


async def test_a_provider_that_asks_for_no_pause_gets_none(openai_server: Any, openai_protocol: ModuleType) -> None:
    openai_server.faults = [openai_protocol.Fault(429)]
    assert (await failed(openai_server, Request(ASKED))).wait_s is None


async def test_an_account_without_money_is_fatal_though_its_status_says_busy(
    openai_server: Any, openai_protocol: ModuleType
) -> None:
    body = {"error": {"message": "You exceeded your current quota.", "code": "insufficient_quota"}}
    openai_server.faults = [openai_protocol.Fault(429, body)]

    error = await failed(openai_server, Request(ASKED))

    assert error.fatal
    assert "has no money left" in str(error)


async def test_a_call_is_made_again_by_its_client_and_counted(openai_server: Any, openai_protocol: ModuleType) -> None:
    openai_server.faults = [openai_protocol.named(name) for name in ("429+", "500", "drop", "malformed")]
    client = Client(litellm_model("tiny", openai_server.url), limits=Limits(wait_s=0.01))

    [choice] = await client.complete(Question("p", "q", unit="u"), "propose", "u/", ASKED)

    assert choice.text == f"sample 0 of seed {client.seed('u', 'propose', 'u/', 0)}"
    assert len(openai_server.requests) == 5


async def test_a_wrong_key_is_fatal_and_never_shown(openai_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    openai_server.key = "right"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-000")

    error = await failed(openai_server, Request(ASKED))

    assert error.fatal
    assert "Set OPENAI_API_KEY to a valid key." in str(error)
    assert "secret" not in str(error)
    assert openai_server.keys == ["sk-very-secret-000"]


async def test_a_missing_key_is_fatal_and_named_before_anything_is_sent() -> None:
    with pytest.raises(ModelError) as raised:
        await litellm_model("openai/gpt-4o-mini").complete(Request(ASKED))

    assert raised.value.fatal
    assert "Set OPENAI_API_KEY to a valid key." in str(raised.value)


def test_a_name_without_a_provider_is_fatal() -> None:
    with pytest.raises(
        ModelError, match=r"No provider of a model named 'tiny' is known\. Put the provider first"
    ) as raised:
        litellm_model("tiny")
    assert raised.value.fatal


async def test_a_dead_server_is_down_and_says_where_it_was_looked_for(openai_server: Any) -> None:
    await openai_server.stop()
    error = await failed(openai_server, Request(ASKED))
    assert str(error).startswith(f"No connection to {openai_server.url}")
    assert (error.cause, error.fatal, error.usage) == (Cause.DOWN, False, Usage())


async def test_a_server_that_lets_nobody_in_is_down_after_the_time_for_connections(openai_server: Any) -> None:
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        openai_server.url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"

        error = await failed(openai_server, Request(ASKED), Limits(timeout_s=20, connect_s=0.3))

    assert error.cause is Cause.DOWN


async def test_an_answer_that_trickles_ends_with_the_time_of_a_try(openai_server: Any) -> None:
    openai_server.latency_ms = 5_000
    begin = time.monotonic()

    error = await failed(openai_server, Request(ASKED), Limits(timeout_s=1.5))

    assert error.cause is Cause.FAULT
    assert time.monotonic() - begin < 4


async def test_a_filtered_answer_is_not_asked_for_again(openai_server: Any, openai_protocol: ModuleType) -> None:
    message = {"role": "assistant", "content": ""}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "tiny"} | {
        "choices": [{"index": 0, "message": message, "finish_reason": "content_filter"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
    }
    openai_server.faults = [openai_protocol.Fault(200, body)]

    error = await failed(openai_server, Request(ASKED))

    assert (error.cause, error.usage) == (Cause.REQUEST, Usage(9, 1))
    assert "content filter" in str(error)


async def test_too_long_a_prompt_is_refused(openai_server: Any, openai_protocol: ModuleType) -> None:
    body = {"error": {"message": "This model's maximum context length is 8 tokens.", "code": "context_length_exceeded"}}
    openai_server.faults = [openai_protocol.Fault(400, body)]
    assert isinstance(await failed(openai_server, Request(ASKED)), UnsupportedRequest)
