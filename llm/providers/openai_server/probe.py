"""Determines the abilities of a model on a server with a few calls of a few tokens each."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from msgspec import structs

from redraft.llm.capabilities import Continuing
from redraft.llm.gather import gather
from redraft.llm.model import Beam, Cause, Choice, Finish, Message, ModelError, Request
from redraft.llm.providers.openai_server import errors
from redraft.llm.providers.openai_server.endpoint import Endpoint, RequestRejected
from redraft.llm.providers.openai_server.http.load_balancer import LoadBalancer
from redraft.llm.providers.openai_server.learned import facts_after_reply
from redraft.llm.providers.openai_server.prompts import PromptRenderer, server_prompt
from redraft.llm.providers.openai_server.replies import MalformedReply, read_reply
from redraft.llm.providers.openai_server.requests import request_body
from redraft.llm.providers.openai_server.server_facts import ServerFacts
from redraft.llm.providers.shared.unsupported import UnsupportedSigns
from redraft.llm.truncation import Truncation

TRIES = 4  # tries of each call, if another try can help
PAUSE_S = 0.5  # seconds before the second try; doubled before each further try
LONGEST_PAUSE_S = 10.0
MOST_SPECIAL = 4  # a raw prompt of one letter with more tokens was put into a chat template


@dataclass(frozen=True, slots=True)
class ProbeReply:
    """A reply: its samples, and the number of tokens of its prompt (0 if unknown)."""

    choices: tuple[Choice, ...]
    prompt_tokens: int

    @property
    def texts(self) -> list[tuple[str, str]]:
        return [(choice.thinking, choice.text) for choice in self.choices]


class Probe:
    """Determines the abilities of a model. A rejected request also adds facts."""

    def __init__(self, endpoint: Endpoint, renderer: PromptRenderer, addresses: LoadBalancer) -> None:
        self._endpoint = endpoint
        self._renderer = renderer
        self._addresses = addresses
        self._unsupported = UnsupportedSigns()

    async def run(self, facts: ServerFacts) -> ServerFacts:
        """Returns the facts, extended by all findings. Raises ModelError if the server does not answer."""
        await self.learn_raw_prompts(facts)
        await self._sampling()
        await self._schema()
        continuing = await self._continuing()
        return replace(self._facts.knowing(continuing=continuing), probed=True)

    async def learn_raw_prompts(self, facts: ServerFacts) -> ServerFacts:
        """Returns the facts, extended by findings about raw prompts.

        A server may put a special token before raw prompts, as a chat template does; then the prompt of one letter has
        two tokens. Raises a fatal ModelError if the server does not support raw prompts.
        """
        self._facts = facts
        if self._renderer.ready(facts):
            return facts
        seen = await self._send(Request(RANDOM, temperature=0.0, max_tokens=1), prompt="a")
        if seen is None:
            raise self._no_raw_prompts_error("has no raw completions")
        if seen.prompt_tokens > MOST_SPECIAL:
            raise self._no_raw_prompts_error("puts raw prompts into a chat template of its own")
        self._facts = replace(self._facts, adds_bos=seen.prompt_tokens > 1)
        return self._facts

    async def learn_sampling(self, facts: ServerFacts, names: Sequence[str]) -> ServerFacts:
        """Returns the facts with one more fact for each of these sampling settings: whether the server follows it. A
        `top_p`, `top_k` or `min_p` that keeps only the most likely token, and a `beam`, must give the same texts for
        every seed. Raises ModelError."""
        await self.learn_raw_prompts(facts)
        for name in names:
            followed = await self._is_followed(name)
            self._facts = self._facts.knowing(**{name: followed})
        return self._facts

    async def _is_followed(self, name: str) -> bool:
        """Returns whether calls with different seeds return the same text under a setting. One call may differ, because
        rounding depends on the server's load. The temperature is high, so the texts differ if the server ignores the
        setting."""
        for temperature in (2.0, 1.0):
            request = structs.replace(DRAWING[name], temperature=temperature)
            seen = await gather([self._send(structs.replace(request, seeds=(seed,))) for seed in (11, 12, 13, 14)])
            if getattr(self._facts.capabilities, name) is False:
                return False
            texts = [tuple(one.texts) for one in seen if one is not None]
            if len(texts) == len(seen):
                whole = name != "beam" or all(len(set(found)) == request.n for found in texts)
                return whole and max(map(texts.count, texts)) >= len(texts) - 1
        return True

    def _no_raw_prompts_error(self, why: str) -> ModelError:
        cure = "Leave the chat template out of the prompts file."
        return ModelError(f"{self._addresses.redacted} {why}.", cure=cure, fatal=True)

    async def _sampling(self) -> None:
        """Determines two abilities: the same text for the same seed, and different samples in one call. The seeded text
        must also repeat while another call is in flight, because some servers use one random generator for all calls in
        flight."""
        one, other = (Request(RANDOM, n=2, seeds=seeds, max_tokens=16) for seeds in ((1, 2), (5, 6)))
        first = await self._send(one)
        again, others = await gather([self._send(one), self._send(other)])
        if first is None or again is None or others is None:
            return
        if "seed" not in self._facts.left_out:
            if first.texts != again.texts:
                self._facts = self._facts.knowing(seed=False)
            elif first.texts != others.texts:
                self._facts = self._facts.knowing(seed=True)
        if min(len(first.texts), len(others.texts)) < 2:
            self._facts = self._facts.knowing(n=False)
        elif len(set(first.texts)) == len(set(others.texts)) == 1 and first.texts != others.texts:
            self._facts = self._facts.without("n")

    async def _schema(self) -> None:
        """Determines whether an answer follows a schema that the question does not mention."""
        seen = await self._send(Request(SUM, schema=SCHEMA, temperature=0.0, max_tokens=32))
        if seen is None or not seen.choices or not (text := seen.choices[0].text.lstrip()):
            return
        try:
            followed = "answer" in orjson.loads(text)
        except (ValueError, TypeError):
            followed = text.startswith("{") and seen.choices[0].finish is Finish.LENGTH
        self._facts = self._facts.knowing(schema=followed)

    async def _continuing(self) -> Continuing:
        half = Request(COUNT, prefix=BEGUN, temperature=0.0, max_tokens=8)
        if self._renderer.own:
            return Continuing.COMPLETIONS
        plain = await self._send(half, Continuing.TRAILING)
        flagged = await self._send(half, Continuing.FLAG)
        if flagged and (plain is None or 0 < flagged.prompt_tokens < plain.prompt_tokens):
            return await self._exact(half, Continuing.FLAG, flagged)
        if flagged and self._continues_prefix(flagged) and not (plain and self._continues_prefix(plain)):
            return await self._exact(half, Continuing.FLAG, flagged)
        if plain and (self._continues_prefix(plain) or await self._leaves_open()):
            return await self._exact(half, Continuing.TRAILING, plain)
        return await self._completions(half)

    async def _exact(self, half: Request, found: Continuing, seen: ProbeReply) -> Continuing:
        """Returns the way `found` of continuing a half-written answer, or `COMPLETIONS` if that is better: if `found`
        loses whitespace at the end of the half-written answer, because a template trims it, and the server can render
        prompts itself."""
        spaced = await self._send(structs.replace(half, prefix=BEGUN + "\n\n"), found)
        if spaced is None or not 0 < spaced.prompt_tokens <= seen.prompt_tokens:
            return found
        if await self._completions(half) is Continuing.COMPLETIONS:
            return Continuing.COMPLETIONS
        self._facts = replace(self._facts, trims=True)
        return found

    def _continues_prefix(self, seen: ProbeReply) -> bool:
        """Returns whether the first sample continues the prefix. A sample may also repeat the prefix and then continue
        it; this is recorded as `repeats`."""
        text = seen.choices[0].text if seen.choices else ""
        if text.startswith(BEGUN):
            self._facts = replace(self._facts, repeats=True)
            return True
        return text.startswith("0")

    async def _leaves_open(self) -> bool:
        """Returns whether the prompt that the server renders leaves a trailing assistant message open."""
        listed = [{"role": "user", "content": COUNT[0].content}, {"role": "assistant", "content": BEGUN}]
        for address in self._addresses:
            prompt = await server_prompt(self._endpoint, address, "apply-template", listed)
            return prompt is not None and prompt.endswith(BEGUN)
        return False

    async def _completions(self, half: Request) -> Continuing:
        for way in ("apply-template", "tokenize"):
            facts = replace(self._facts, renders=way)
            try:
                prompt, _ = await self._renderer.prompt(half, facts)
            except ModelError:
                continue
            if await self._send(half, prompt=prompt):
                self._facts = facts
                return Continuing.COMPLETIONS
        return Continuing.NONE

    async def _send(
        self, request: Request, continuing: Continuing | None = None, prompt: str | None = None
    ) -> ProbeReply | None:
        """Returns the reply, or None if the server does not accept the request in this form."""
        if self._renderer.own and prompt is None:
            prompt, _ = await self._renderer.prompt(request, self._facts)
        while True:
            facts = self._facts.knowing(continuing=continuing)
            data = request_body(self._endpoint.model, request, facts, prompt)
            try:
                answer = await self._exchange_with_retries(data, prompt is None)
            except errors.EndpointMissing:
                if prompt is None:
                    raise
                return None
            except RequestRejected as error:
                less = errors.facts_after_rejection(self._facts, error.status, error.words, data)
                if less is None or "continue_final_message" in less.left_out:
                    return None
                self._facts = less
                continue
            return self._read(answer, request, data)

    def _read(self, answer: Any, request: Request, data: dict[str, Any]) -> ProbeReply:
        try:
            choices, _, signs = read_reply(answer, structs.replace(request, prefix=""), self._facts, data)
        except MalformedReply:
            raise self._endpoint.unreadable_error(answer) from None
        self._facts = facts_after_reply(self._facts, signs, self._unsupported)
        usage = answer.get("usage")
        tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
        return ProbeReply(tuple(choices), tokens if isinstance(tokens, int) else 0)

    async def _exchange_with_retries(self, data: dict[str, Any], chat: bool) -> Any:
        for trial in range(TRIES):
            try:
                return await self._endpoint.ask(data, chat=chat)
            except ModelError as error:
                if error.fatal or error.cause not in (Cause.BUSY, Cause.FAULT) or trial == TRIES - 1:
                    raise
                await asyncio.sleep(min(LONGEST_PAUSE_S, error.wait_s or PAUSE_S * 2**trial))
        raise AssertionError


RANDOM = (Message("user", "Write a sentence about anything you like."),)
DRAWING = {
    "top_p": Request(RANDOM, max_tokens=16, truncation=Truncation(top_p=1e-6)),
    "top_k": Request(RANDOM, max_tokens=16, truncation=Truncation(top_k=1)),
    "min_p": Request(RANDOM, max_tokens=16, truncation=Truncation(min_p=0.999999)),
    "beam": Request(RANDOM, n=2, max_tokens=16, beam=Beam()),
}
SUM = (Message("user", "What is two and two? Answer in one word."),)
COUNT = (Message("user", "Count from 1 to 30, with a space between the numbers."),)
BEGUN = "1 2 3 4 5 6 7 8 9 1"  # a model that continues this text writes "0 11"
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": ["two", "four", "six"]}},
    "required": ["answer"],
    "additionalProperties": False,
}
