"""Makes the bodies of requests, without the parameters that the server rejects."""

import json
from collections.abc import Mapping
from typing import Any

import orjson

from redraft.llm.capabilities import Continuing
from redraft.llm.model import Request
from redraft.llm.providers.openai_server.server_facts import ServerFacts


def request_body(model: str, request: Request, facts: ServerFacts, prompt: str | None = None) -> dict[str, Any]:
    """Returns the body of one call to the chat endpoint, or, with a `prompt`, to the endpoint for raw completions. The
    body's only seed is that of the first sample."""
    data: dict[str, Any] = {"model": model}
    if prompt is None:
        data["messages"] = _messages(request)
        if request.prefix and facts.capabilities.continuing is Continuing.FLAG:
            data["continue_final_message"] = True
            data["add_generation_prompt"] = False
        data["logprobs"] = True
        if facts.many_tops:
            data["top_logprobs"] = 1
    else:
        data["prompt"] = prompt
        data["logprobs"] = 1
    if request.schema is not None:
        named = {"name": "answer", "schema": request.schema, "strict": True}
        data["response_format"] = {"type": "json_schema", "json_schema": named}
    data["temperature"] = request.temperature
    data |= request.truncation.given()
    if request.beam:
        data |= {"use_beam_search": True, "length_penalty": request.beam.length_penalty}
    data["max_completion_tokens" if "max_tokens" in facts.left_out else "max_tokens"] = request.max_tokens
    n = min(request.n, facts.most) if facts.most else request.n
    if n > 1:
        data["n"] = n
    if request.stop and _stops_answer_only(request, facts, prompt):
        data["stop"] = request.stop
    if request.seeds:
        data["seed"] = request.seeds[0]
    if facts.left_out:
        for name in facts.left_out:
            data.pop(name, None)
        if "logprobs" in facts.left_out:
            data.pop("top_logprobs", None)
        if "use_beam_search" in facts.left_out:
            data.pop("length_penalty", None)
    return data


def lost_whitespace(request: Request, facts: ServerFacts, raw: bool) -> str:
    """Returns the whitespace at the end of the half-written answer, if the server removes it; the model then writes it
    again. Otherwise returns ""."""
    return request.prefix[len(request.prefix.rstrip()) :] if facts.trims and not raw else ""


def _stops_answer_only(request: Request, facts: ServerFacts, prompt: str | None) -> bool:
    """Returns whether a stop string can end only the answer, and not the thinking or the whitespace before it."""
    if request.prefix:
        return not lost_whitespace(request, facts, prompt is not None)
    return not facts.thinks


def encode_body(data: Mapping[str, Any]) -> bytes:
    """Returns a body encoded as JSON. Lone surrogates, which orjson rejects, are escaped."""
    try:
        return orjson.dumps(data, default=_plain)
    except TypeError:
        return json.dumps(data, default=_plain).encode()


def _messages(request: Request) -> list[dict[str, str]]:
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    if request.prefix:
        messages.append({"role": "assistant", "content": request.prefix})
    return messages


def _plain(value: Any) -> Any:
    """Converts any mapping to a dict, because a schema may be any mapping."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError
