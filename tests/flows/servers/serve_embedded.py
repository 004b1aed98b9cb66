"""Serves weights of the embedded model by OpenAI's protocol: `serve_embedded.py FOLDER PORT [LOG]`. Each start and each
end is a line of LOG."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from redraft.llm.model import Message, ModelError, Request
from redraft.llm.providers.embedded.model import embedded

folder, port = sys.argv[1], int(sys.argv[2])
log = Path(sys.argv[3]) if len(sys.argv) > 3 else None
model = embedded(Path(folder))


def note(line: str) -> None:
    if log:
        with log.open("a") as written:
            written.write(f"{line} {os.getpid()} {folder}\n")


async def healthy(request: web.Request) -> web.Response:
    return web.Response()


async def complete(request: web.Request) -> web.Response:
    body: dict[str, Any] = await request.json()
    messages = tuple(Message(one["role"], one["content"]) for one in body.get("messages", ()))
    seeds = (body["seed"],) if body.get("seed") is not None else ()
    asked = Request(
        messages, temperature=body.get("temperature", 1.0), max_tokens=body.get("max_tokens") or 256, seeds=seeds
    )
    try:
        [choice] = (await model.complete(asked)).choices
    except ModelError as error:
        return web.json_response({"error": {"message": str(error)}}, status=400)
    message = {"role": "assistant", "content": choice.text}
    reply = {"index": 0, "message": message, "finish_reason": "stop"}
    return web.json_response(
        {"model": body["model"], "choices": [reply], "usage": {"completion_tokens": choice.tokens}}
    )


async def main() -> None:
    app = web.Application()
    app.add_routes([web.get("/health", healthy), web.post("/v1/chat/completions", complete)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    note("start")
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    note("end")


asyncio.run(main())
