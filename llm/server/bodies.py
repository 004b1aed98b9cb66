"""The bodies of requests, as bytes: what was asked, less what the server does not take."""

from collections.abc import Mapping
from typing import Any

import orjson

from redraft.llm.capabilities import Continuing
from redraft.llm.model import Request
from redraft.llm.server.facts import Facts


def body(model: str, request: Request, facts: Facts, prompt: str | None = None) -> dict[str, Any]:
    """The body of one call: of the chat endpoint, or, with a `prompt`, of raw completions. It takes one seed, the first
    sample's."""
    data: dict[str, Any] = {"model": model}
    if prompt is None:
        data["messages"] = _messages(request)
        if request.prefix and facts.capabilities.continuing is Continuing.FLAG:
            data["continue_final_message"] = True
            data["add_generation_prompt"] = False
        data["logprobs"] = True
        if facts.many_tops:
            data["top_logprobs"] = 1
        if request.schema is not None:
            data["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": request.schema, "strict": True},
            }
    else:
        data["prompt"] = prompt
        data["logprobs"] = 1
    data["temperature"] = request.temperature
    data["max_completion_tokens" if "max_tokens" in facts.left_out else "max_tokens"] = request.max_tokens
    n = min(request.n, facts.most) if facts.most else request.n
    if n > 1:
        data["n"] = n
    if request.stop and (request.prefix or not facts.thinks):
        data["stop"] = request.stop
    if request.seeds:
        data["seed"] = request.seeds[0]
    if facts.left_out:
        for name in facts.left_out:
            data.pop(name, None)
        if "logprobs" in facts.left_out:
            data.pop("top_logprobs", None)
    return data


def packed(data: Mapping[str, Any]) -> bytes:
    """A body as it is sent."""
    return orjson.dumps(data, default=_plain)


def _messages(request: Request) -> list[dict[str, str]]:
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    if request.prefix:
        messages.append({"role": "assistant", "content": request.prefix})
    return messages


def _plain(value: Any) -> Any:
    """A schema may be any mapping."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError
