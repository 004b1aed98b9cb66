"""What a user has set for LiteLLM keeps working: callbacks, proxies, its own environment variables."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from redraft.llm.model import Cause, Message, ModelError, Request
from redraft.llm.providers.via_litellm.route import litellm_model

ASKED = (Message("user", "Two and two?"),)

CALLBACKS = """
import asyncio, os, sys
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm
from litellm.integrations.custom_logger import CustomLogger

class Seen(CustomLogger):
    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        print("object", kwargs["model"], response_obj.choices[0].message.content, response_obj.usage.total_tokens)

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        print("failure", type(kwargs["exception"]).__name__)

async def plain(kwargs, response, start, end):
    print("function", kwargs["model"])

litellm.callbacks = [Seen()]
litellm.success_callback = [plain]

from redraft.llm.providers.via_litellm.route import litellm_model
from redraft.llm.model import Message, ModelError, Request

async def main():
    model = litellm_model("tiny", sys.argv[1])
    await model.complete(Request((Message("user", "Two and two?"),), seeds=(3,)))
    try:
        await model.complete(Request((Message("user", "Two and two?"),), seeds=(3,)))
    except ModelError:
        pass
    await asyncio.sleep(1)
    await model.close()

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def _of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, and nothing remembered of other models."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


async def test_a_users_callbacks_see_each_call(openai_server: Any, openai_protocol: Any) -> None:
    """In a process of its own, since callbacks are the whole process's."""
    openai_server.faults = [None, openai_protocol.Fault(500)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CALLBACKS, openai_server.url, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    seen = sorted(out.decode().splitlines())
    assert seen == ["failure InternalServerError", "function tiny", "object tiny sample 0 of seed 3 8"], err.decode()


class Proxy:
    """Forwards what comes to it, by absolute addresses, and keeps them in `asked`."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def handle(self, request: web.BaseRequest) -> web.Response:
        target = request.raw_path if hasattr(request, "raw_path") else request.path
        self.asked.append(target)
        headers = {name: request.headers[name] for name in ("Content-Type", "Authorization") if name in request.headers}
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, target, data=await request.read(), headers=headers) as reply,
        ):
            return web.Response(status=reply.status, body=await reply.read(), content_type=reply.content_type)


@pytest.fixture
async def proxy() -> AsyncIterator[tuple[str, Proxy]]:
    handler = Proxy()
    runner = web.ServerRunner(web.Server(handler.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", handler
    await runner.cleanup()


async def test_calls_go_through_the_proxy_that_the_environment_names(
    openai_server: Any, proxy: tuple[str, Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, handler = proxy
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", address)

    reply = await litellm_model("tiny", openai_server.url).complete(Request(ASKED, seeds=(3,)))

    assert reply.choices[0].text == "sample 0 of seed 3"
    assert handler.asked == [f"{openai_server.url}/chat/completions"]


async def test_a_provider_over_https_is_asked_through_its_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that lets nobody through, so that nothing leaves this machine."""
    asked: list[str] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n")).decode().strip())
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-house")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)

    with pytest.raises(ModelError) as raised:
        await litellm_model("openai/gpt-4o-mini").complete(Request(ASKED))

    assert asked == ["CONNECT api.openai.com:443 HTTP/1.1"]
    assert (raised.value.cause, raised.value.fatal) == (Cause.DOWN, False)
    server.close()


async def test_a_litellm_proxy_is_reached_by_its_own_variables(
    openai_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_PROXY_API_BASE", openai_server.url)
    monkeypatch.setenv("LITELLM_PROXY_API_KEY", "sk-of-the-proxy")

    reply = await litellm_model("litellm_proxy/house-model").complete(Request(ASKED, n=2, seeds=(3, 4)))

    assert [choice.text for choice in reply.choices] == ["sample 0 of seed 3", "sample 1 of seed 3"]
    assert openai_server.requests[0]["model"] == "house-model"
    assert openai_server.keys == ["sk-of-the-proxy"]


async def test_the_address_of_openai_may_be_another(openai_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-house")

    await litellm_model("openai/gpt-4o-mini").complete(Request(ASKED))

    assert openai_server.requests[0]["model"] == "gpt-4o-mini"
    assert openai_server.keys == ["sk-of-the-house"]
