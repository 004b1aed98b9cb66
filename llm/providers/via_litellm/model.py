"""The route through LiteLLM to every provider that LiteLLM supports, under LiteLLM's names.

LiteLLM's tables say which parameters a model takes. If a provider rejects a parameter (`n`, log-probabilities, a seed,
stop strings, a temperature, a schema), later requests omit it. redraft also cuts texts at the stop strings itself. If
redraft omits a parameter, it reports this once.
"""

import asyncio
import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar
from weakref import WeakSet

from msgspec.structs import replace

from redraft.llm.capabilities import Capabilities, Continuing
from redraft.llm.limits import Limits
from redraft.llm.model import Model, ModelError, Reply, Request, UnsupportedRequest, check_sampling
from redraft.llm.providers.shared.capabilities_cache import CapabilityCache
from redraft.llm.providers.shared.redaction import redact_address
from redraft.llm.providers.via_litellm import model_table
from redraft.llm.providers.via_litellm.answer_body import AnswerBody, reply_or_failure
from redraft.llm.providers.via_litellm.errors import Failure, failure_error
from redraft.llm.providers.via_litellm.learned import LearnedCapabilities
from redraft.llm.providers.via_litellm.replies import Habits, field, read_response

MARKED_CHARS = 4096  # characters; about 1,024 tokens, the minimum that providers cache


class LiteLLMModel(Model):
    """A Model behind LiteLLM. Each call has one seed, which is the seed of its first sample."""

    open: ClassVar[WeakSet["LiteLLMModel"]] = WeakSet()  # they share LiteLLM's connections, which the last model closes

    def __init__(
        self,
        litellm: ModuleType,
        name: str,
        full: str,
        provider: str,
        api_base: str | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        memory: CapabilityCache | None = None,
    ) -> None:
        self.name = name
        self.litellm = litellm
        self.full = full
        self.provider = provider
        facts = model_table.table_entry(litellm, full)
        self._claude = "claude" in full
        self._marks = self._claude and provider in model_table.MARKED and bool(facts.get("supports_prompt_caching"))
        self.prices = self._table_prices = model_table.prices(facts, marked=self._marks)
        self.batch_prices = model_table.prices(facts, batch=True, marked=self._marks)
        table = model_table.capabilities(litellm, full, facts)
        self._known = LearnedCapabilities(
            table, memory or CapabilityCache(), f"litellm {full} {redact_address(api_base or '')}".strip()
        )
        self._timeout_s = limits.timeout_s
        self._api_base = api_base
        self.access = self._access(api_base)
        self.where = redact_address(api_base or provider)  # names the server or the provider in messages
        self._fixed = self.access | {
            "model": full,
            "timeout": _timeout(litellm, provider, limits),
            "max_retries": 0,
            "drop_params": True,
        }
        self._reported: set[str] = set()
        self.open.add(self)

    @property
    def capabilities(self) -> Capabilities:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Returns the capabilities from LiteLLM's tables, corrected by replies and rejections."""
        return self._known.capabilities

    async def complete(self, request: Request) -> Reply:
        """Returns the samples of a request, or fewer than `n` if the provider returns fewer. Raises ModelError, and
        UnsupportedRequest if the provider cannot continue the prefix."""
        messages = self.messages(request)
        attempts = 0
        while True:
            attempts += 1
            parameters = self.parameters(request)
            body, response, failure = AnswerBody(), None, None
            try:
                async with asyncio.timeout(self._timeout_s):
                    response = await self.litellm.acompletion(
                        messages=messages, logger_fn=body, **self._fixed, **parameters
                    )
            except Exception as error:  # noqa: BLE001 - the one boundary to LiteLLM and all its providers
                failure = Failure(error, self._api_base or "")
            try:
                found = response if failure is None else reply_or_failure(failure, body, self.where)
                if not isinstance(found, Failure):
                    return replace(self.reply(found, request, parameters, body), attempts=attempts)
                if not self.adapt(found, parameters):
                    raise self.to_model_error(found)
            except ModelError as error:
                error.attempts = attempts
                raise error from None

    def messages(self, request: Request) -> list[dict[str, Any]]:
        """Returns a request's messages in OpenAI's format; the prefix is the last message. Raises UnsupportedRequest if
        the model cannot continue the prefix."""
        if not request.messages:
            raise UnsupportedRequest(
                f"{self.name} writes no message of a user.", cure="Name a model on a server, with --api-base."
            )
        messages: list[dict[str, Any]] = [{"role": m.role, "content": m.content} for m in request.messages]
        if self._marks and messages[0]["role"] == "system" and len(messages[0]["content"]) >= MARKED_CHARS:
            part = {"type": "text", "text": messages[0]["content"], "cache_control": {"type": "ephemeral"}}
            messages[0] = {"role": "system", "content": [part]}
        if not request.prefix:
            return messages
        if self.capabilities.continuing is Continuing.NONE:
            raise UnsupportedRequest(
                f"{self.name} does not go on from a half-written answer.",
                cure="Use a strategy that drafts whole solutions, or another model.",
            )
        end: dict[str, Any] = {"role": "assistant", "content": request.prefix}
        return [*messages, end if self.provider == "hosted_vllm" else end | {"prefix": True}]

    def parameters(self, request: Request) -> dict[str, Any]:
        """Returns a request's settings under OpenAI's names, without the settings that the model does not take. Raises
        a fatal UnsupportedRequest if the request has truncated sampling or a beam search that the model does not
        support."""
        can = self.capabilities
        check_sampling(self.name, can, request)
        parameters: dict[str, Any] = {self._known.limit_name: request.max_tokens}
        if can.temperature is not False:
            parameters["temperature"] = request.temperature
        elif request.temperature != 1.0:
            self._report_once(f"{self.name} takes no temperature: it draws as it always does.")
        parameters |= request.truncation.given()
        if can.logprobs is not False:
            parameters["logprobs"] = True
        if can.seed is not False and request.seeds:
            parameters["seed"] = request.seeds[0]
        if can.stop is not False and (stop := [mark for mark in request.stop if mark.strip() or not self._claude]):
            parameters["stop"] = stop
        if can.n is not False and request.n > 1:
            parameters["n"] = min(request.n, self._known.most or request.n)
        if can.schema is not False and request.schema is not None:
            schema = {"name": "answer", "schema": dict(request.schema), "strict": True}
            parameters["response_format"] = {"type": "json_schema", "json_schema": schema}
        vllm: dict[str, Any] = {}
        if request.prefix and self.provider == "hosted_vllm":
            vllm |= {"continue_final_message": True, "add_generation_prompt": False}
        if request.beam and self.provider == "hosted_vllm":
            vllm |= {"use_beam_search": True, "length_penalty": request.beam.length_penalty}
        return parameters | ({"extra_body": vllm} if vllm else {})

    def reply(
        self, response: Any, request: Request, parameters: Mapping[str, Any], body: AnswerBody | None = None
    ) -> Reply:
        """Returns the reply from LiteLLM's response or from the JSON of a reply, and updates the capabilities. `body`
        is the raw body of the answer. Raises ModelError if the reply has no answer."""
        habits = Habits(
            self.where,
            parameters.get("stop", ()),
            trimmed=self.capabilities.continuing is Continuing.TRAILING,
            unopened=self._known.unopened,
            gives_reason=self._known.gives_reason,
            lacks_reason=body is not None and body.lacks_reason,
        )
        self._known.learn(field(response, "choices") or (), parameters)
        if body is not None and body.gives_reason:
            self._known.learn_reason()
        reply = read_response(response, request, habits)
        # If the prices are not LiteLLM's, the client computes the cost.
        cost = reply.cost_usd if self.prices is self._table_prices else None
        return replace(reply, cost_usd=cost if cost or self.prices else None)

    def adapt(self, failure: Failure, parameters: Mapping[str, Any]) -> bool:
        """Returns whether a request was rejected because of an optional parameter. If so, later requests omit it."""
        return self._known.adapt(failure, parameters)

    def to_model_error(self, failure: Failure) -> ModelError:
        """Returns the error for a failed call, with cause and cure."""
        error = failure_error(failure, self.name, self.where, self._key_name)
        error.kind = f"HTTP {failure.status}" if failure.answered and failure.status else error.kind
        return error

    async def close(self) -> None:
        """Closes the connections that LiteLLM keeps open, unless another model still uses them."""
        self.open.discard(self)
        if not self.open:
            await self.litellm.close_litellm_async_clients()
            self.litellm.in_memory_llm_clients_cache.flush_cache()  # else later calls would get the closed clients

    def _access(self, api_base: str | None) -> dict[str, Any]:
        """Returns the model's address, and a dummy key if LiteLLM requires a key that the server does not need."""
        if not api_base:
            return {}
        dummy = self.provider == "openai" and not os.environ.get("OPENAI_API_KEY")
        return {"api_base": api_base} | ({"api_key": "none"} if dummy else {})

    def _report_once(self, text: str) -> None:
        if text not in self._reported:
            self._reported.add(text)
            self.say(text)

    def _key_name(self) -> str:
        """Returns the name of the environment variable for the provider's key."""
        missing = self.litellm.validate_environment(self.full).get("missing_keys") or []
        return " and ".join(missing) or f"{self.provider.upper()}_API_KEY"


def _timeout(litellm: ModuleType, provider: str, limits: Limits) -> Any:
    """Returns the time limits of one try in the form that LiteLLM passes to the provider."""
    if not litellm.utils.supports_httpx_timeout(provider):
        return limits.timeout_s
    import httpx

    return httpx.Timeout(limits.timeout_s, connect=limits.connect_s)
