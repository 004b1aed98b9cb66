"""Prompts of raw completions, rendered by the user's chat template or by the server."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import orjson

from redraft.llm.model import Message, ModelError, Request, UnsupportedRequest
from redraft.llm.prompts.chat_template import ChatTemplate
from redraft.llm.providers.openai_server.endpoint import Endpoint
from redraft.llm.providers.openai_server.http.load_balancer import Address
from redraft.llm.providers.openai_server.server_facts import ServerFacts
from redraft.llm.providers.shared.thinking import CLOSING, OPENING

WAYS = ("tokenize", "apply-template")
"""The ways in which servers render prompts, of vLLM and of llama.cpp."""

PLACE = "0f1e2d3c4b5a"  # the text of a message; its position in a rendered prompt is searched
CACHED_PROMPTS = 4096  # prompts in the cache; all steps of a tree share one prompt


class PromptRenderer:
    """Renders prompts from messages, and caches the latest ones."""

    def __init__(self, endpoint: Endpoint, template: ChatTemplate | None) -> None:
        self._endpoint = endpoint
        self._template = template
        self._cache: dict[tuple[Message, ...], str] = {}

    @property
    def own(self) -> bool:
        """Returns whether the user gave a chat template."""
        return self._template is not None

    def ready(self, facts: ServerFacts) -> bool:
        """Returns whether all facts that rendering a prompt needs are known."""
        return self._template is None or facts.adds_bos is not None

    async def prompt(self, request: Request, facts: ServerFacts) -> tuple[str, bool]:
        """Returns a pair: the prompt, which ends with the half-written answer, and whether the model's thinking begins
        in the prompt. If there is a half-written answer, the prompt ends the thinking before it. Raises ModelError."""
        opening = self._cache.get(request.messages)
        if opening is None:
            opening = await self._opening(request.messages, facts)
            if len(self._cache) >= CACHED_PROMPTS:
                self._cache.clear()
            self._cache[request.messages] = opening
        thinking = opening.rstrip().endswith(OPENING)
        if not request.prefix:
            return opening, thinking
        return opening + (f"\n{CLOSING}\n\n" if thinking else "") + request.prefix, False

    async def _bare_opening(self, facts: ServerFacts) -> str:
        """Returns the prompt up to the beginning of the user's first message. Raises ModelError."""
        ways = (facts.renders,) if self.own or facts.renders else WAYS
        for way in ways:
            with suppress(ModelError):
                rendered = await self._opening((Message("user", PLACE),), replace(facts, renders=way))
                before, found, _ = rendered.partition(PLACE)
                if found:
                    return before
        raise UnsupportedRequest(
            "The server shows no prompt up to where the user's message begins.", cure="Give the model's chat template."
        )

    async def _opening(self, messages: tuple[Message, ...], facts: ServerFacts) -> str:
        if not messages:
            return await self._bare_opening(facts)
        if self._template is not None:
            rendered = self._template.render(messages)
            return rendered.removeprefix(self._template.tokens.get("bos_token", "")) if facts.adds_bos else rendered
        for address in self._endpoint.wire.addresses:
            listed = [{"role": message.role, "content": message.content} for message in messages]
            opening = await server_prompt(self._endpoint, address, facts.renders, listed)
            if opening is not None:
                return opening
        raise ModelError("The server does not make prompts of messages any more.", cure="Give its chat template.")


async def server_prompt(endpoint: Endpoint, address: Address, way: str, messages: list[dict[str, str]]) -> str | None:
    """Returns the prompt that a server renders from messages, up to the beginning of the answer; None if it renders
    none. llama.cpp renders it at `/apply-template`; vLLM returns the tokens at `/tokenize` and their text at
    `/detokenize`."""
    if way == "apply-template":
        prompt = await _page(endpoint, address, "/apply-template", {"messages": messages}, "prompt")
    else:
        asked = {"model": endpoint.model, "messages": messages, "add_generation_prompt": True}
        tokens = await _page(endpoint, address, "/tokenize", asked, "tokens")
        if not isinstance(tokens, list):
            return None
        prompt = await _page(endpoint, address, "/detokenize", {"model": endpoint.model, "tokens": tokens}, "prompt")
    return prompt if isinstance(prompt, str) else None


async def _page(endpoint: Endpoint, address: Address, path: str, data: dict[str, Any], name: str) -> Any:
    answer = await endpoint.wire.ask("POST", address, path, orjson.dumps(data))
    if answer.status != 200:
        return None
    try:
        return orjson.loads(answer.body).get(name)
    except (ValueError, AttributeError):
        return None
