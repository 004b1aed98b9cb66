"""Serves weights of the embedded model by OpenAI's protocol, with vLLM's pages: `serve_embedded.py FOLDER PORT [LOG]`.
Each start and each end is a line of LOG. `/classify` and `/pooling` answer with the values of the embedded reward
model, so that a folder of the embedded model stands for a verifier, too."""

import asyncio
import math
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web

from redraft.llm.model import Message, ModelError, Request
from redraft.llm.providers.embedded.attention import Cache
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.providers.embedded.prompts import END, render
from redraft.llm.providers.embedded.reward_model import embedded_reward_model

folder, port = sys.argv[1], int(sys.argv[2])
log = Path(sys.argv[3]) if len(sys.argv) > 3 else None
model, rewards = embedded(Path(folder)), embedded_reward_model()


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


async def tokenize(request: web.Request) -> web.Response:
    body: dict[str, Any] = await request.json()
    if "prompt" in body:
        return web.json_response({"tokens": model.vocabulary.encode(body["prompt"])})
    *asked, last = (Message(one["role"], one["content"]) for one in body["messages"])
    whole = render([*asked, last]) if body["add_generation_prompt"] else render(asked) + last.content + END
    return web.json_response({"tokens": model.vocabulary.encode(whole)})


async def read(request: web.Request) -> web.Response:
    """The log-probabilities of a prompt's tokens, in the form of vLLM."""
    body: dict[str, Any] = await request.json()
    tokens = np.array(body["prompt"], np.int64)
    logits = model.engine.network.read(tokens, Cache(1), 0).astype(np.float64)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    known = [{str(token): {"logprob": float(row[token])}} for row, token in zip(logits, tokens[1:], strict=False)]
    return web.json_response({"choices": [{"text": "", "prompt_logprobs": [None, *known]}]})


async def classify(request: web.Request) -> web.Response:
    """The value of the last line of each text, which is a question, a blank line, and a partial solution."""
    body: dict[str, Any] = await request.json()
    shown = [text.partition("\n\n") for text in body["input"]]
    values = [rewards.score(question, solution.strip().split("\n"))[-1] for question, _, solution in shown]
    return web.json_response({"data": [{"index": at, "probs": [value]} for at, value in enumerate(values)]})


async def pool(request: web.Request) -> web.Response:
    """The logit of the line that each token of a text is in."""
    body: dict[str, Any] = await request.json()
    text = b"".join(map(model.vocabulary.bytes_of, body["input"])).decode()
    question, *lines = text.removesuffix("\n").split("\n")
    values = [0.5, *rewards.score(question, lines)]
    rows, line = list[list[float]](), 0
    for token in body["input"]:
        rows.append([math.log(values[line] / (1 - values[line]))])
        line += b"\n" in model.vocabulary.bytes_of(token)
    return web.json_response({"data": [{"index": 0, "data": rows}]})


async def main() -> None:
    app = web.Application()
    app.add_routes(
        [
            web.get("/health", healthy),
            web.post("/v1/chat/completions", complete),
            web.post("/v1/completions", read),
            web.post("/tokenize", tokenize),
            web.post("/classify", classify),
            web.post("/pooling", pool),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    note("start")
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    note("end")


asyncio.run(main())
