"""Makes the reply to a call's body, before it is sent over a connection."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson

from openai_protocol import prompts
from openai_protocol.behaviour import Behaviour
from openai_protocol.faults import Fault, drawn
from openai_protocol.limits import Window, retry_after
from openai_protocol.model import rewards, samples
from openai_protocol.model.texts import Sample
from openai_protocol.replies import Form, Usage

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"


@dataclass(slots=True)
class Reply:
    """A status, a body, and the samples in the body, if it has any that can be parsed."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    samples: Sequence[Sample] = ()
    usage: Usage | None = None
    form: Form | None = None


class Calls:
    """Makes replies according to the behaviour. It holds the state between calls: limits, caches, random generators."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._cache = prompts.PrefixCache()
        self._rewards = rewards.Rewards({})
        self._chance = Random(behaviour.seed)
        self._requests = Window(lambda: behaviour.requests_per_minute, behaviour.window_s)
        self._tokens = Window(lambda: behaviour.tokens_per_minute, behaviour.window_s)

    def fault(self) -> Fault | None:
        """Returns the fault of the next call, or None."""
        behaviour = self._behaviour
        if behaviour.faults:
            return behaviour.faults.pop(0)
        wait = "1" if behaviour.retry_after in ("auto", None) else behaviour.retry_after
        return drawn(self._chance, behaviour.rates, wait) if behaviour.rates else None

    def seconds(self, reply: Reply) -> float:
        """Returns the latency of a reply in seconds."""
        behaviour = self._behaviour
        longest = max([choice.tokens for choice in reply.samples], default=0) if behaviour.ms_per_token else 0
        seconds = (behaviour.latency_ms + behaviour.ms_per_token * longest) / 1000
        vary = behaviour.jitter
        return seconds * self._chance.uniform(1 - vary, 1 + vary) if vary else seconds

    async def reply(self, path: str, body: dict[str, Any], fault: Fault | None) -> Reply:
        """Returns the reply to a call with a valid key."""
        behaviour = self._behaviour
        if rejected := sorted(behaviour.rejects & body.keys()):
            return unsupported(f"parameter: '{rejected[0]}'", rejected[0])
        schema = (body.get("response_format") or {}).get("type") == "json_schema"
        if schema and behaviour.structured == "reject":
            return unsupported("value: 'response_format' of type 'json_schema'", "response_format")
        if behaviour.models is not None and body.get("model") not in behaviour.models:
            return error(404, f"The model `{body.get('model')}` does not exist.", "model_not_found")
        if fault and isinstance(fault.status, int):
            return Reply(fault.status, orjson.dumps(fault.body), fault.headers)
        if behaviour.embed is not None and path == rewards.EMBEDDINGS:
            return self._embedded(body, behaviour.embed)
        if behaviour.reward is not None:
            return self._rewarded(path, body, fault)
        try:
            return await self._completed(path == CHAT, body, fault)
        except prompts.BadRequest as bad:
            return error(400, str(bad), "invalid_request_error", bad.param)

    def _embedded(self, body: dict[str, Any], embed: Callable[[str], Sequence[float]]) -> Reply:
        """Returns the reply of an embedding model."""
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        read = sum(len(text.split()) for text in texts)
        data = {
            "object": "list",
            "model": body.get("model", ""),
            "data": [{"object": "embedding", "index": i, "embedding": list(embed(t))} for i, t in enumerate(texts)],
            "usage": {"prompt_tokens": read, "total_tokens": read},
        }
        return Reply(200, orjson.dumps(data), usage=Usage(prompt=read, cached=0, completion=0, thought=0))

    def _rewarded(self, path: str, body: dict[str, Any], fault: Fault | None) -> Reply:
        """Returns the reply of a reward model."""
        reward, nonsense = self._behaviour.reward, self._behaviour.nonsense
        assert reward is not None
        try:
            if path == CHAT:
                data, read = rewards.sign(body, reward, nonsense), 9
            else:
                data, read = self._rewards.body(path, body, reward, nonsense)
        except rewards.NoPage:
            return error(404, f"Unknown request URL: POST {path}.", "not_found")
        if fault and fault.status == "malformed":
            data = data[: len(data) // 2]
        return Reply(200, data, usage=Usage(prompt=read, cached=0, completion=0, thought=0))

    async def _completed(self, chat: bool, body: dict[str, Any], fault: Fault | None) -> Reply:
        behaviour = self._behaviour
        asked = [prompts.chat(behaviour, body)] if chat else prompts.raw(body)
        choices = [choice for prompt in asked for choice in await samples.drawn(behaviour, body, prompt, fault)]
        thought = len(behaviour.thinking.split()) * len(choices)
        usage = Usage(
            prompt=sum([prompt.tokens for prompt in asked]),
            cached=sum([self._cache.cached(p) for p in asked]) if behaviour.caches else behaviour.cached,
            completion=sum([choice.tokens for choice in choices]) + thought,
            thought=thought,
        )
        if limited := self._limited(usage.prompt + usage.completion):
            return limited
        kind = fault.status if fault else None
        if kind in ("nan", "null"):
            choices = [choice.blanked(float("nan") if kind == "nan" else None) for choice in choices]
        choices = [] if kind == "empty" else choices
        logprobs = bool(body.get("logprobs")) and behaviour.with_logprobs and "logprobs" not in behaviour.ignores
        form = Form(chat, body.get("model", ""), logprobs, behaviour.thinking)
        if kind == "blank":
            return Reply(200, b"", usage=usage)
        if kind == "malformed":
            whole = form.whole(choices, usage)
            return Reply(200, whole[: len(whole) // 2], usage=usage)
        return Reply(200, b"" if body.get("stream") else form.whole(choices, usage), {}, choices, usage, form)

    def _limited(self, tokens: int) -> Reply | None:
        """Returns the refusal of a call that exceeds the limits. Otherwise counts the call and returns None."""
        waits = (self._requests.wait(1), self._tokens.wait(tokens))
        if max(waits) <= 0:
            self._requests.take(1)
            self._tokens.take(tokens)
            return None
        refusal = error(429, f"Rate limit reached for {'requests' if waits[0] > 0 else 'tokens'} per minute.", "limit")
        after = self._behaviour.retry_after
        if after is not None:
            refusal.headers = {"Retry-After": retry_after(max(waits)) if after == "auto" else after}
        return refusal


def error(status: int, message: str, code: str, param: str | None = None) -> Reply:
    """Returns an error in the protocol's form."""
    said = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}
    return Reply(status, orjson.dumps(said))


def unsupported(what: str, param: str) -> Reply:
    """Returns the refusal of a parameter."""
    return error(400, f"Unsupported {what} is not supported with this model.", "unsupported_parameter", param)


def wrong_key(key: str) -> Reply:
    """Returns the refusal of an API key."""
    return error(401, f"Incorrect API key provided: {key}", "invalid_api_key")
