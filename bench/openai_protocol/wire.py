"""Sends replies: whole, as events, or interrupted."""

import asyncio
from collections.abc import Sequence

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from openai_protocol.calls import Reply

MOST_BYTES = 2**28  # maximum size of an upload


def request_factory(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    """Returns a request whose body may be large."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MOST_BYTES)


def sent(reply: Reply) -> web.Response:
    """Returns the HTTP response for a reply."""
    headers = {"Content-Type": "application/json", **reply.headers}
    return web.Response(body=reply.body, status=reply.status, headers=headers)


async def cut(request: web.BaseRequest, body: bytes) -> web.StreamResponse:
    """Sends half of a body, and then drops the connection."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    abort(request)
    return response


async def streamed(request: web.BaseRequest, events: Sequence[bytes], ms_per_event: float) -> web.StreamResponse:
    """Sends events with this time between them."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in events:
        await response.write(event)
        if ms_per_event:
            await asyncio.sleep(ms_per_event / 1000)
    return response


def abort(request: web.BaseRequest) -> None:
    """Drops the connection."""
    if request.transport is not None:
        request.transport.abort()
