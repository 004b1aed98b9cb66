"""A configurable mock server of the OpenAI protocol, with latency, limits, faults and a request log.

    python bench/mock_server.py --port 8000 --latency-ms 50 --rates '{"429+": 0.1, "drop": 0.05}'

Every setting of `openai_protocol/behaviour.py` is an option (sets, lists and tables as JSON). The server replies at
`/v1/chat/completions`, `/v1/completions`, `/v1/models`, `/v1/files` and `/v1/batches`. If a program sets its `reward`,
it also replies at `/pooling`, `/classify`, `/v1/embeddings` and `/tokenize`; if a program sets its `embed`, at
`/v1/embeddings`. `GET /log` returns all requests and replies, and `GET /log?summary=1` their totals. `POST /settings`
changes settings of the running server (faults by their names), `POST /reset` empties its log, and `POST
/down?seconds=3` makes it refuse connections for this time.
"""

import argparse
import asyncio
import json
from dataclasses import fields
from typing import Any

import orjson
from aiohttp import web

from openai_protocol import wire
from openai_protocol.behaviour import Behaviour, Write
from openai_protocol.calls import CHAT, TEXT, Calls, Reply, error, wrong_key
from openai_protocol.faults import Fault, named
from openai_protocol.model.rewards import PATHS as REWARDS
from openai_protocol.pages import Pages
from openai_protocol.record import Entry, Record

__all__ = ["Fault", "OpenAIServer", "named"]

UNREADABLE = ("drop", "cut", "hang", "blank", "malformed")


class OpenAIServer(Behaviour):
    """The mock server. `requests` are the bodies of the requests in order, `keys` are their API keys, and `record` has
    the result of each."""

    def __init__(self, write: Write | None = None, **settings: Any) -> None:
        super().__init__(write, **settings)
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.record = Record()
        self.url = ""
        self.port = 0

    async def start(self, port: int = 0) -> "OpenAIServer":
        """Starts to listen on the loopback address. Port 0 takes a free port."""
        self._calls = Calls(self)
        self._pages = Pages(self, self._batched)
        self._server = web.Server(
            self._answer, request_factory=wire.request_factory, handler_cancellation=True, access_log=None
        )
        self._runner = web.ServerRunner(self._server, shutdown_timeout=0.1)
        await self._runner.setup()
        self.port = port
        await self._listen()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        return self

    async def stop(self) -> None:
        """Drops all connections and refuses new ones permanently."""
        await self._runner.cleanup()

    async def down(self, seconds: float) -> None:
        """Drops all connections, refuses new ones for this time, and then listens at the same port again."""
        await self._site.stop()
        for connection in self._server.connections:
            if connection.transport:
                connection.transport.abort()
        await asyncio.sleep(seconds)
        await self._listen()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=4096, reuse_address=True)
        await self._site.start()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path, rewards = request.path, REWARDS if self.reward or self.embed else ()
        if not path.startswith("/v1/") and path not in rewards:
            return wire.sent(await self._control(request))
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if path not in (CHAT, TEXT, *rewards):
            reply = await self._pages.reply(request) if self.key in (None, key) else wrong_key(key)
            return wire.sent(reply) if reply else _dropped(request)
        body = orjson.loads(await request.read())
        self.requests.append(body)
        self.keys.append(key)
        entry = self.record.begin(path, body)
        try:
            return await self._call(request, entry, key)
        except (asyncio.CancelledError, ConnectionError):
            entry.fault = entry.fault or "left"
            raise
        finally:
            self.record.end(entry)

    async def _call(self, request: web.BaseRequest, entry: Entry, key: str) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        fault = self._fault(entry)
        if self.key not in (None, key):
            fault, reply = None, wrong_key(key)
        else:
            reply = await self._calls.reply(entry.path, entry.body, fault)
        kind = fault.status if fault and reply.usage else None
        if kind == "hang":
            await asyncio.Event().wait()
        _note(entry, reply)
        if reply.form and entry.body.get("stream"):
            return await self._stream(request, entry, reply, kind)
        delay = self._calls.seconds(reply) - (loop.time() - begun)
        if delay > 0:
            await asyncio.sleep(delay)
        if kind == "drop":
            return _dropped(request)
        if kind == "cut":
            return await wire.cut(request, reply.body)
        self._close(entry, reply)
        return wire.sent(reply)

    async def _stream(
        self, request: web.BaseRequest, entry: Entry, reply: Reply, kind: int | str | None
    ) -> web.StreamResponse:
        """Sends the reply as events. The latency is before the first event, and the time per token is between
        events."""
        assert reply.form is not None
        wanted = (entry.body.get("stream_options") or {}).get("include_usage")
        events = list(reply.form.chunks(reply.samples, reply.usage if wanted else None))
        await asyncio.sleep(self.latency_ms / 1000)
        if kind == "drop":
            return _dropped(request)
        if kind == "cut":
            response = await wire.streamed(request, events[: len(events) // 2], self.ms_per_token)
            wire.abort(request)
            return response
        response = await wire.streamed(request, events, self.ms_per_token)
        self._close(entry, reply)
        return response

    async def _batched(self, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        """Returns the reply to one line of a batch, as a call without a connection. The status is 0 if a fault prevents
        a reply."""
        entry = self.record.begin(path, body)
        fault = self._fault(entry)
        reply = await self._calls.reply(path, body, fault)
        _note(entry, reply)
        lost = reply.usage is not None and fault is not None and fault.status in UNREADABLE
        if not lost:
            self._close(entry, reply)
        self.record.end(entry)
        return (0, b"") if lost else (reply.status, reply.body)

    def _fault(self, entry: Entry) -> Fault | None:
        fault = self._calls.fault()
        entry.fault = fault.name if fault else None
        return fault

    def _close(self, entry: Entry, reply: Reply) -> None:
        """Records that the whole reply was sent."""
        entry.status = reply.status
        self.record.give(reply.samples)

    async def _control(self, request: web.BaseRequest) -> Reply:
        """Handles the server's control pages, which real providers do not have."""
        listed: dict[str, Any] = {}
        match request.method, request.path:
            case "GET", "/log":
                listed = self.record.summary()
                if "summary" not in request.query:
                    listed["entries"] = [entry.as_json() for entry in self.record.entries]
            case "POST", "/reset":
                self.record = Record(in_flight=self.record.in_flight)
                self.requests.clear()
                self.keys.clear()
            case "POST", "/settings":
                for name, value in orjson.loads(await request.read()).items():
                    setattr(self, name, _setting(name, value))
            case "POST", "/down":
                self._task = asyncio.create_task(self.down(float(request.query["seconds"])))
            case _:
                return error(404, f"There is no {request.method} {request.path}.", "not_found")
        return Reply(200, orjson.dumps(listed))


def _note(entry: Entry, reply: Reply) -> None:
    """Records the reply of a call in its log entry."""
    if reply.usage:
        entry.choices = len(reply.samples)
        entry.prompt_tokens, entry.cached_tokens = reply.usage.prompt, reply.usage.cached
        entry.produced = reply.usage.completion
        entry.charged = reply.usage.prompt + reply.usage.completion


def _dropped(request: web.BaseRequest) -> web.Response:
    wire.abort(request)
    return web.Response()


def _setting(name: str, value: Any) -> Any:
    """Returns the value of a setting from its JSON. Raises ValueError for an unknown name."""
    if name not in SETTINGS:
        raise ValueError(f"no setting {name!r}; there are {', '.join(SETTINGS)}")
    if name in ("faults", "batch_faults"):
        return [named(fault) if fault else None for fault in value]
    return set(value) if name in ("rejects", "ignores", "models") and value is not None else value


def _read(text: str) -> Any:
    """Returns the value of a JSON text. If it is not JSON, returns the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


async def main(settings: dict[str, Any], port: int) -> None:
    """Runs the server until it is ended. Prints its address as one line."""
    server = await OpenAIServer(**{name: _setting(name, value) for name, value in settings.items()}).start(port)
    print(server.url, flush=True)  # noqa: T201 - whoever started it reads it
    await asyncio.Event().wait()


SETTINGS = tuple(field.name for field in fields(Behaviour) if field.name not in ("write", "reward", "embed"))

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    for setting in SETTINGS:
        parser.add_argument(f"--{setting.replace('_', '-')}", type=_read, default=argparse.SUPPRESS)
    given = vars(parser.parse_args())
    asyncio.run(main({name: value for name, value in given.items() if name in SETTINGS}, given["port"]))
