"""A program for the tests: `generate` on a model behind an OpenAI-compatible server, asked without LiteLLM, whose
import would take most of the time. Arguments: database, address, problems (as "40", or "20-60" for the 21st to the
60th), the strategy's arguments as JSON."""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

import aiohttp

from redraft.flows.generate import generate
from redraft.llm.model import Choice, Finish, Model, ModelError, Reply, Request
from redraft.llm.providers.embedded.prompts import TEMPLATES
from redraft.llm.usage import Usage
from redraft.store.sources.reader import read


class HttpModel(Model):
    """One sample a call, by HTTP."""

    def __init__(self, url: str) -> None:
        self.name = "http"
        self.templates: Mapping[str, str] = TEMPLATES
        self._url = f"{url}/chat/completions"
        self._http: aiohttp.ClientSession | None = None

    async def complete(self, request: Request) -> Reply:
        self._http = self._http or aiohttp.ClientSession()
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        body = {"model": "http", "messages": messages, "seed": request.seeds[0], "n": 1}
        async with self._http.post(self._url, json=body) as response:
            if response.status != 200:
                raise ModelError(f"HTTP {response.status}")
            answer = await response.json()
        text, used = answer["choices"][0]["message"]["content"], answer["usage"]
        choice = Choice(text, Finish.END, used["completion_tokens"])
        return Reply((choice,), Usage(used["prompt_tokens"], used["completion_tokens"]), cost_usd=0.001)

    async def close(self) -> None:
        if self._http:
            await self._http.close()


async def main(db: str, url: str, problems: str, arguments: Mapping[str, Any]) -> None:
    model = HttpModel(url)
    try:
        first, _, last = problems.rpartition("-")
        await generate(
            list(read("builtin:levels=1", limit=int(last)))[int(first or 0) :],
            db=db,
            model=model,
            arguments=arguments,
            samples=2,
            concurrency=8,
        )
    finally:
        await model.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])))
