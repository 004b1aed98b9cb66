"""A real HTTP server on loopback that speaks OpenAI's chat protocol: `n`, logprobs, seed, stop, usage, and faults on
demand. What it writes comes from a callable; a token is a word with the white space before it."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Write = Callable[[list[dict[str, Any]], int, int], str | Awaitable[str]]
"""From the messages, the seed and the number of the sample to its text."""


@dataclass
class Fault:
    """What one request meets: an HTTP status, "drop" (the connection is cut), or "empty" (a reply of no choices)."""

    status: int | str
    body: dict[str, Any] = field(default_factory=lambda: {"error": {"message": "as the test wants it"}})
    headers: dict[str, str] = field(default_factory=dict)


class OpenAIServer:
    """`requests` is what it was asked, in order. The next requests meet `faults`, in order, None being no fault."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.faults: list[Fault | None] = []
        self.rejects: set[str] = set()  # parameters that it answers with 400
        self.most = 1_000  # choices in a reply
        self.key: str | None = None  # the only one that is let in
        self.thinking = ""
        self.with_logprobs = True
        self.url = ""

    async def start(self) -> "OpenAIServer":
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
        fault = self.faults.pop(0) if self.faults else None
        if self.key is not None and self.keys[-1] != self.key:
            fault = Fault(401, {"error": {"message": f"Incorrect API key provided: {self.keys[-1]}"}})
        if rejected := sorted(self.rejects & body.keys()):
            message = f"Unsupported parameter: '{rejected[0]}' is not supported with this model."
            fault = Fault(400, {"error": {"message": message, "param": rejected[0]}})
        if fault is None:
            return web.json_response(await self._reply(body))
        if fault.status == "empty":
            return web.json_response({**await self._reply(body), "choices": []})
        if fault.status == "drop":
            assert request.transport is not None
            request.transport.abort()
            await asyncio.sleep(0)
        return (
            web.json_response(fault.body, status=int(fault.status), headers=fault.headers)
            if isinstance(fault.status, int)
            else web.Response()
        )

    async def _reply(self, body: dict[str, Any]) -> dict[str, Any]:
        seed, n = body.get("seed", 0), min(body.get("n", 1), self.most)
        choices = [await self._choice(body, seed, index) for index in range(n)]
        prompt = sum(len(message["content"].split()) for message in body["messages"])
        completion = sum(choice.pop("tokens") for choice in choices)
        thought = len(self.thinking.split()) * n
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": choices,
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": completion + thought,
                "total_tokens": prompt + completion + thought,
                "prompt_tokens_details": {"cached_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": thought},
            },
        }

    async def _choice(self, body: dict[str, Any], seed: int, index: int) -> dict[str, Any]:
        text = self.write(body["messages"], seed, index)
        text = text if isinstance(text, str) else await text
        text, finish, reason = _ended(text, body.get("stop") or (), body.get("max_tokens", 1_000))
        tokens = re.findall(r"\s*\S+|\s+$", text)
        message = {"role": "assistant", "content": text}
        if self.thinking:
            message["reasoning_content"] = self.thinking
        logprobs = {"content": [_logprob(place, token) for place, token in enumerate(tokens)]}
        return {
            "index": index,
            "message": message,
            "finish_reason": finish,
            "stop_reason": reason,
            "logprobs": logprobs if body.get("logprobs") and self.with_logprobs else None,
            "tokens": len(tokens),
        }


def _ended(text: str, stop: Sequence[str], max_tokens: int) -> tuple[str, str, str | None]:
    """The text, cut at the first stop string and the token limit; why it ended; the stop string that ended it."""
    found = [(text.find(mark), mark) for mark in stop if mark in text]
    at, mark = min(found, default=(len(text), None))
    text = text[:at]
    tokens = re.findall(r"\s*\S+|\s+$", text)
    if len(tokens) > max_tokens:
        return "".join(tokens[:max_tokens]), "length", None
    return text, "stop", mark


def _logprob(place: int, token: str) -> dict[str, Any]:
    return {"token": token, "bytes": list(token.encode()), "logprob": -0.5 - place / 4, "top_logprobs": []}
