"""The direct route: a model on OpenAI-compatible servers (vLLM, SGLang, llama.cpp, Ollama, TGI, `transformers serve`).

If a server rejects a parameter, later requests omit it. If a server lacks an ability, redraft uses a substitute.
`CapabilityCache` stores these facts for a week.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from redraft.llm.capabilities import Capabilities, Continuing
from redraft.llm.limits import Limits
from redraft.llm.model import Message, Model, ModelError, Reply, Request, UnsupportedRequest, check_sampling
from redraft.llm.prompts.chat_template import ChatTemplate
from redraft.llm.providers.openai_server import errors
from redraft.llm.providers.openai_server.answer_reader import AnswerReader
from redraft.llm.providers.openai_server.endpoint import AskAgain, Endpoint, RequestRejected
from redraft.llm.providers.openai_server.http.load_balancer import LoadBalancer, tree_number
from redraft.llm.providers.openai_server.http.transport import Transport
from redraft.llm.providers.openai_server.learned import facts_after_reply
from redraft.llm.providers.openai_server.probe import Probe
from redraft.llm.providers.openai_server.prompts import PromptRenderer
from redraft.llm.providers.openai_server.replies import MalformedReply, read_reply
from redraft.llm.providers.openai_server.requests import request_body
from redraft.llm.providers.openai_server.server_facts import ServerFacts, facts_from_json
from redraft.llm.providers.shared.capabilities_cache import CapabilityCache
from redraft.llm.providers.shared.finish_reasons import no_answer
from redraft.llm.providers.shared.unsupported import UnsupportedSigns
from redraft.llm.usage import Usage

OPENING = 256  # characters of a raw prompt that identify its tree
ROUNDS = 16  # rounds of one try; after the first, each round omits a rejected parameter


class ServerModel(Model):
    """A model at one address, or at several addresses whose servers are of one kind. With a `chat_template`, every
    request is a raw completion. `names` are the possible names of the model on the servers, most likely first."""

    def __init__(
        self,
        name: str,
        addresses: Sequence[str],
        *,
        names: Sequence[str] = (),
        key: str = "",
        limits: Limits = Limits(),  # noqa: B008 - frozen
        chat_template: ChatTemplate | None = None,
        memory: CapabilityCache | None = None,
    ) -> None:
        self.name = name
        self._addresses = LoadBalancer(addresses)
        self._endpoint = Endpoint(
            Transport(self._addresses, key, limits),
            name,
            names or (name,),
            (*filter(None, [key]), *self._addresses.secrets),
        )
        self._renderer = PromptRenderer(self._endpoint, chat_template)
        self._raw = chat_template is not None
        self._reader = AnswerReader(self._endpoint)
        self._memory = memory or CapabilityCache()
        self._cache_key = f"{self._addresses.redacted} {name}{' raw' if self._raw else ''}"
        self._unsupported = UnsupportedSigns()
        self._shortest = sys.maxsize  # number of messages of the shortest conversation so far
        self._probing = asyncio.Lock()
        self._facts = facts_from_json(self._memory.load(self._cache_key))
        self.capabilities = self._facts.capabilities

    async def probe(self) -> Capabilities:
        """Returns the abilities of the model. The probe makes a few calls of a few tokens each, once a week. Raises
        ModelError."""
        async with self._probing:
            if not self._facts.probed:
                self._learn(await self._probe().run(self._facts))
        return self.capabilities

    async def complete(self, request: Request) -> Reply:
        """Returns the samples of a request, or fewer than `n` if the server returns fewer. Raises ModelError, and
        UnsupportedRequest if the model cannot continue the prefix."""
        spent = Usage()
        number = self._tree_number(request) if self._addresses.several else 0
        for attempts in range(1, ROUNDS + 1):
            if not self._renderer.ready(self._facts):
                await self._learn_raw_prompts()
            if request.prefix and self._facts.capabilities.continuing in (None, Continuing.NONE):
                await self._require_continuation()
            if request.truncation or request.beam:
                await self._require_sampling(request)
            try:
                reply = await self._round(request, number)
            except ModelError as error:
                error.attempts, error.usage = attempts, error.usage and spent + error.usage
                raise
            if isinstance(reply, Reply):
                return structs.replace(reply, usage=spent + reply.usage, attempts=attempts) if attempts > 1 else reply
            spent += reply
        raise UnsupportedRequest(f"{self.name} rejects the request in every form.")

    async def answer_logprobs(self, messages: Sequence[Message], answer: str) -> Sequence[float] | None:
        """Returns the log-probability of each token of an answer, up to the end of the assistant's message in the
        server's chat template. Returns None if the server is not vLLM, or if the user gave a chat template. Raises
        ModelError."""
        return None if self._raw else await self._reader.logprobs(messages, answer)

    async def close(self) -> None:
        """Closes all connections."""
        await self._endpoint.wire.close()

    def _tree_number(self, request: Request) -> int:
        """Returns a number that all calls of one tree share: a hash of the message that asks the question. In the
        shortest conversation so far, this is the last message, after any system prompt and examples. If the request has
        no messages, the first characters of the prompt are hashed."""
        if not request.messages:
            return tree_number(request.prefix[:OPENING])
        self._shortest = min(self._shortest, len(request.messages))
        return tree_number(request.messages[self._shortest - 1].content)

    def _probe(self) -> Probe:
        return Probe(self._endpoint, self._renderer, self._addresses)

    async def _learn_raw_prompts(self) -> None:
        """Determines how the server treats raw prompts."""
        async with self._probing:
            self._learn(await self._probe().learn_raw_prompts(self._facts))

    async def _require_continuation(self) -> None:
        """Determines how the model continues a half-written answer. Raises UnsupportedRequest if it can't."""
        if await self.probe() and self.capabilities.continuing is Continuing.NONE:
            raise UnsupportedRequest(
                f"{self.name} does not go on from a half-written answer.",
                cure="Use a strategy that drafts whole solutions, or give the model's chat template.",
            )

    async def _require_sampling(self, request: Request) -> None:
        """Determines whether the server follows the request's sampling settings. Raises a fatal UnsupportedRequest if
        it does not."""
        async with self._probing:
            asked = [*request.truncation.given(), *(["beam"] if request.beam else [])]
            if unknown := [name for name in asked if getattr(self.capabilities, name) is None]:
                self._learn(await self._probe().learn_sampling(self._facts, unknown))
        check_sampling(self.name, self.capabilities, request)

    async def _round(self, request: Request, number: int) -> Reply | Usage:
        """Sends one request. Returns the reply, or only the usage if the request must be changed and sent again."""
        facts = self._facts
        prompt = None
        raw = self._raw or not request.messages
        if raw or (request.prefix and facts.capabilities.continuing is Continuing.COMPLETIONS):
            prompt, unopened = await self._renderer.prompt(request, facts)
            facts = replace(facts, unopened=unopened)
        data = request_body(self._endpoint.model, request, facts, prompt)
        try:
            answer = await self._endpoint.exchange(data, number, prompt is None)
        except AskAgain:
            return Usage()
        except RequestRejected as error:
            if request.beam and "logprobs" in error.words.text and "greater than" in error.words.text:
                raise UnsupportedRequest(
                    f"{self.name} allows no beam of width {request.n}.",
                    cure=f"Lower the width, or start vLLM with --max-logprobs {2 * request.n}.",
                    fatal=True,
                ) from None
            if (less := errors.facts_after_rejection(self._facts, error.status, error.words, data)) is None:
                raise
            self._learn(less)
            return Usage()
        try:
            choices, usage, signs = read_reply(answer, request, facts, data)
        except MalformedReply:
            raise self._endpoint.unreadable_error(answer) from None
        self._learn(facts_after_reply(self._facts, signs, self._unsupported))
        if signs.stopped_thinking:
            return usage
        if not choices:
            raise no_answer(signs.losses, self._addresses.redacted, usage)
        return Reply(tuple(choices[: request.n]), usage)

    def _learn(self, facts: ServerFacts) -> None:
        """Stores new facts, in this object and in the cache."""
        if facts is self._facts or facts == self._facts:
            return
        self._facts = facts
        self.capabilities = facts.capabilities
        self._memory.store(self._cache_key, facts.as_json())
