"""The embedded model as a provider of LiteLLM: `litellm.completion(model="redraft/embedded", ...)` works after this.

>>> from redraft.llm.providers.via_litellm.embedded import register
>>> register()

`n`, logprobs, seed, stop, max_tokens, temperature, top_p, top_k and min_p work as with other providers. The model
continues a trailing assistant message. Sample i of a seeded call has the seed `seed + i`. The model answers only the
prompt formats that it was trained on (`TEMPLATES` of `redraft.llm.providers.embedded.prompts`). LiteLLM raises a
BadRequestError for any other prompt.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from types import ModuleType
from typing import Any

import litellm
from litellm.llms.custom_llm import CustomLLM, CustomLLMError
from litellm.types.utils import Choices, GenericStreamingChunk, Message, ModelResponse, Usage

from redraft.llm.capabilities import EVERYTHING, Capabilities
from redraft.llm.choice_json import choice_from_json, choice_to_json
from redraft.llm.limits import Limits
from redraft.llm.model import Beam, Choice, Finish, Model, ModelError, Reply, Request
from redraft.llm.model import Message as PromptMessage
from redraft.llm.providers.embedded.model import EmbeddedModel, embedded
from redraft.llm.providers.via_litellm.answer_body import AnswerBody
from redraft.llm.providers.via_litellm.model import LiteLLMModel
from redraft.llm.truncation import NAMES, Truncation

PROVIDER, MODEL = "redraft", "embedded"
NAME = f"{PROVIDER}/{MODEL}"


def register() -> None:
    """Registers "redraft/embedded" with LiteLLM in this process, with a price of 0. A second call has no effect."""
    if any(item["provider"] == PROVIDER for item in litellm.custom_provider_map):
        return
    litellm.custom_provider_map.append({"provider": PROVIDER, "custom_handler": Provider()})
    litellm.utils.custom_llm_setup()
    kinds = ("input_cost_per_token", "output_cost_per_token")
    cached = ("cache_creation_input_token_cost", "cache_read_input_token_cost")
    about = {"litellm_provider": PROVIDER, "mode": "chat", "supports_assistant_prefill": True}
    litellm.register_model({NAME: about | dict.fromkeys(kinds + cached, 0.0)})


def embedded_model(module: ModuleType, limits: Limits) -> Model:
    """Returns the embedded model, called through LiteLLM."""
    register()
    return EmbeddedThroughLiteLLM(module, NAME, NAME, PROVIDER, limits=limits)


class EmbeddedThroughLiteLLM(LiteLLMModel):
    """The embedded model, called through LiteLLM. It has the name and the prompts of the embedded model, so recipes and
    samples are the same on both routes."""

    remote = False
    sources = EmbeddedModel.sources
    templates = EmbeddedModel.templates

    @property
    def capabilities(self) -> Capabilities:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Returns EVERYTHING: all capabilities."""
        return EVERYTHING

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.name = MODEL
        self.version = registered_provider().model.version

    def parameters(self, request: Request) -> dict[str, Any]:
        """Returns the parameters of a request, and two that OpenAI's protocol lacks: the seed of each sample, and the
        length penalty of a beam search."""
        penalty = request.beam and request.beam.length_penalty
        return super().parameters(request) | {"seeds": list(request.seeds), "beam_length_penalty": penalty}

    def reply(
        self, response: Any, request: Request, parameters: Mapping[str, Any], body: AnswerBody | None = None
    ) -> Reply:
        """Returns the exact samples, which include the tokens of a stop string."""
        reply = super().reply(response, request, parameters, body)
        exact = (choice.provider_specific_fields["choice"] for choice in response.choices)
        return Reply(tuple(map(choice_from_json, exact)), reply.usage, cost_usd=0.0)


class Provider(CustomLLM):
    """The handler that LiteLLM calls. One embedded model, loaded on the first call, answers all calls."""

    @cached_property
    def model(self) -> EmbeddedModel:
        """Returns the embedded model."""
        return embedded()

    def completion(self, *arguments: Any, **named: Any) -> ModelResponse:
        """Returns a complete answer."""
        return _run_in_thread(self._answer(**named))

    async def acompletion(self, *arguments: Any, **named: Any) -> ModelResponse:
        """Returns a complete answer."""
        return await self._answer(**named)

    def streaming(self, *arguments: Any, **named: Any) -> Iterator[GenericStreamingChunk]:
        """Yields the tokens of a finished answer as chunks."""
        yield from _chunks(_run_in_thread(self._reply(streamed=True, **named)))

    # LiteLLM declares a coroutine here, but iterates over the result of the call at once.
    async def astreaming(self, *arguments: Any, **named: Any) -> AsyncIterator[GenericStreamingChunk]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Yields the tokens of a finished answer as chunks."""
        for chunk in _chunks(await self._reply(streamed=True, **named)):
            yield chunk

    async def _answer(self, **named: Any) -> ModelResponse:
        reply = await self._reply(**named)
        logprobs = named["optional_params"].get("logprobs")
        choices = [_choice(index, choice, bool(logprobs)) for index, choice in enumerate(reply.choices)]
        return ModelResponse(model=NAME, choices=choices, usage=Usage(**_usage(reply)))

    async def _reply(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        optional_params: Mapping[str, Any],
        streamed: bool = False,
        **other: Any,
    ) -> Reply:
        if model != MODEL:
            raise CustomLLMError(404, f"redraft has no model {model!r}, only {MODEL!r}.")
        if streamed and (optional_params.get("n") or 1) > 1:
            raise CustomLLMError(400, "One sample can be streamed at a time: leave n or stream out.")
        try:
            return await self.model.complete(_request(messages, optional_params))
        except ModelError as error:
            raise CustomLLMError(400, str(error)) from error


def registered_provider() -> Provider:
    """Returns the provider that is registered with LiteLLM."""
    handlers = (item["custom_handler"] for item in litellm.custom_provider_map)
    return next(handler for handler in handlers if isinstance(handler, Provider))


def _request(messages: Sequence[Mapping[str, Any]], asked: Mapping[str, Any]) -> Request:
    prompt = [PromptMessage(message["role"], _text(message["content"])) for message in messages]
    prefix = prompt.pop().content if prompt and prompt[-1].role == "assistant" else ""
    n, seed, stop = asked.get("n") or 1, asked.get("seed"), asked.get("stop") or ()
    penalty = asked.get("beam_length_penalty")
    temperature, limit = asked.get("temperature"), asked.get("max_tokens") or asked.get("max_completion_tokens")
    return Request(
        messages=tuple(prompt),
        prefix=prefix,
        n=n,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        temperature=1.0 if temperature is None else temperature,
        max_tokens=limit or 1024,
        seeds=tuple(asked.get("seeds") or (() if seed is None else range(seed, seed + n))),
        truncation=Truncation(**{name: asked.get(name) for name in NAMES}),
        beam=None if penalty is None else Beam(penalty),
    )


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content or ())


def _choice(index: int, choice: Choice, logprobs: bool) -> Choices:
    """Returns a choice in LiteLLM's format. The exact choice is added in a field, because the format lacks offsets and
    the number of tokens."""
    fields: dict[str, Any] = {"choice": choice_to_json(choice)}
    if choice.finish is not Finish.STOP:
        fields["stop_reason"] = None
    content = [
        {"token": piece, "bytes": list(piece.encode()), "logprob": logprob, "top_logprobs": []}
        for piece, logprob in zip(_pieces(choice), choice.logprobs or (), strict=True)
    ]
    return Choices(
        index=index,
        message=Message(role="assistant", content=choice.text),
        finish_reason="length" if choice.finish is Finish.LENGTH else "stop",
        logprobs={"content": content} if logprobs else None,
        provider_specific_fields=fields,
    )


def _pieces(choice: Choice) -> list[str]:
    """Returns the part of the text that belongs to each token. A character that is spread over several tokens belongs
    to the last of them."""
    starts = choice.offsets or ()
    return [choice.text[start:end] for start, end in zip(starts, (*starts[1:], len(choice.text)), strict=True)]


def _chunks(reply: Reply) -> Iterator[GenericStreamingChunk]:
    [choice] = reply.choices
    for piece in filter(None, _pieces(choice)):
        yield {"text": piece, "is_finished": False, "finish_reason": "", "usage": None, "index": 0, "tool_use": None}
    finish = "length" if choice.finish is Finish.LENGTH else "stop"
    used: Any = _usage(reply)
    yield {"text": "", "is_finished": True, "finish_reason": finish, "usage": used, "index": 0, "tool_use": None}


def _usage(reply: Reply) -> dict[str, Any]:
    used = reply.usage
    return {"prompt_tokens": used.prompt, "completion_tokens": used.completion, "total_tokens": used.tokens}


def _run_in_thread(reply: Coroutine[Any, Any, Any]) -> Any:
    """Returns the result of a coroutine. The coroutine runs in a new thread, because the caller's thread may run an
    event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, reply).result()
