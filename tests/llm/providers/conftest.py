"""A server that answers as a test says, for the ways of real ones that the mock server has not."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from redraft.llm.model import Model
from redraft.llm.providers.route import route

Answer = tuple[int, Any] | dict[str, Any] | bytes
Answers = Callable[[str, dict[str, Any]], Answer | Awaitable[Answer]]
"""From a path and a body to a reply: its JSON or its bytes, with or without a status."""


class Speaks:
    """`asked` is what came, in order, as paths and bodies."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.headers: dict[str, str] = {}
        self.root = ""

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def bodies(self, path: str = "/v1/chat/completions") -> list[dict[str, Any]]:
        return [body for asked, body in self.asked if asked == path]

    async def start(self) -> "Speaks":
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.root = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else {}
        self.asked.append((request.path, body))
        answer = self.answers(request.path, body)
        answer = await answer if inspect.isawaitable(answer) else answer
        if hasattr(answer, "content_type"):
            headers = {"Content-Type": answer.content_type, **dict(answer.headers)}
            return web.Response(body=answer.body, status=answer.status, headers=headers)
        status, said = answer if isinstance(answer, tuple) else (200, answer)
        if isinstance(said, bytes):
            return web.Response(body=said, status=status, headers=self.headers)
        return web.json_response(said, status=status, headers=self.headers)


@pytest.fixture
async def speaks() -> AsyncIterator[Callable[[Answers], Awaitable[Speaks]]]:
    """Starts servers that end with the test."""
    started: list[Speaks] = []

    async def start(answers: Answers) -> Speaks:
        started.append(await Speaks(answers).start())
        return started[-1]

    yield start
    for server in started:
        await server.stop()


@pytest.fixture
async def model_at() -> AsyncIterator[Callable[..., Model]]:
    """Routes to the model "tiny" at an address, closed with the test."""
    opened: list[Model] = []

    def at(api_base: Any, name: str = "tiny", **settings: Any) -> Model:
        opened.append(route(name, api_base, **settings))
        return opened[-1]

    yield at
    for model in opened:
        await model.close()


@pytest.fixture
def chat() -> Callable[..., dict[str, Any]]:
    """A reply of the chat endpoint with one choice of these fields, and its usage."""

    def reply(content: Any, finish: str | None = "stop", usage: Any = None, **choice: Any) -> dict[str, Any]:
        message = content if isinstance(content, dict) else {"role": "assistant", "content": content}
        listed = [{"index": 0, "message": message, "finish_reason": finish, **choice}]
        return {"choices": listed, "usage": usage or {"prompt_tokens": 5, "completion_tokens": 7}}

    return reply


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("REDRAFT_API_KEY", raising=False)
