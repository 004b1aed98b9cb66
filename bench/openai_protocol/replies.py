"""Formats the replies of the OpenAI protocol as bytes: whole, or as events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import orjson

from openai_protocol.model.texts import Sample, as_json, logprob_json


@dataclass(frozen=True, slots=True)
class Usage:
    """The numbers of tokens of a reply. `completion` includes the reasoning."""

    prompt: int
    cached: int
    completion: int
    thought: int

    def as_json(self) -> dict[str, Any]:
        """Returns the usage in the protocol's form."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached},
            "completion_tokens_details": {"reasoning_tokens": self.thought},
        }


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a reply: chat or text protocol, with or without log-probabilities."""

    chat: bool
    model: str
    logprobs: bool
    thinking: str = ""

    def whole(self, samples: Sequence[Sample], usage: Usage) -> bytes:
        """Returns the whole reply."""
        kind = b"chat.completion" if self.chat else b"text_completion"
        choice = self._chat_choice if self.chat else self._text_choice
        choices = b",".join([choice(index, sample) for index, sample in enumerate(samples)])
        model, used = orjson.dumps(self.model), orjson.dumps(usage.as_json())
        return b'{"id":"cmpl-1","object":"%b","created":1,"model":%b,"choices":[%b],"usage":%b}' % (
            kind, model, choices, used,
        )  # fmt: skip

    def chunks(self, samples: Sequence[Sample], usage: Usage | None) -> Iterator[bytes]:
        """Yields the reply as events, with one token of each sample per event. `usage` is sent in a separate event at
        the end."""
        if self.chat:
            opening = {"role": "assistant", "content": ""} | (
                {"reasoning_content": self.thinking} if self.thinking else {}
            )
            for index in range(len(samples)):
                yield self._event([{"index": index, "delta": opening, "finish_reason": None}])
        flats = [sample.flat() for sample in samples]
        for place in range(max((len(flat.tokens) for flat in flats), default=0)):
            parts = [(index, flat) for index, flat in enumerate(flats) if place < len(flat.tokens)]
            yield self._event([self._part(i, flat.tokens[place], flat.logprobs[place]) for i, flat in parts])
        for index, sample in enumerate(samples):
            yield self._event([self._last(index, sample)])
        if usage:
            yield self._event([], usage=usage.as_json())
        yield b"data: [DONE]\n\n"

    def _chat_choice(self, index: int, sample: Sample) -> bytes:
        logprobs = b"null"
        if self.logprobs:
            logprobs = b'{"content":[' + b",".join([p.logprobs_json for p in sample.pieces if p.tokens]) + b"]}"
        thinking = b',"reasoning_content":' + orjson.dumps(self.thinking) if self.thinking else b""
        return (
            b'{"index":%d,"message":{"role":"assistant","content":"%b"%b},'
            b'"finish_reason":"%b","stop_reason":%b,"logprobs":%b}'
        ) % (
            index, b"".join([piece.text_json for piece in sample.pieces]), thinking,
            sample.finish.encode(), orjson.dumps(sample.stop_reason), logprobs,
        )  # fmt: skip

    def _text_choice(self, index: int, sample: Sample) -> bytes:
        logprobs = b"null"
        if self.logprobs:
            flat = sample.flat()
            offsets = list(accumulate(map(len, flat.tokens), initial=0))[:-1]
            listed = {"tokens": flat.tokens, "token_logprobs": flat.logprobs, "text_offset": offsets}
            logprobs = as_json({**listed, "top_logprobs": []})
        return b'{"index":%d,"text":"%b","finish_reason":"%b","stop_reason":%b,"logprobs":%b}' % (
            index, b"".join([piece.text_json for piece in sample.pieces]), sample.finish.encode(),
            orjson.dumps(sample.stop_reason), logprobs,
        )  # fmt: skip

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        said = {"id": "cmpl-1", "object": kind, "created": 1, "model": self.model, "choices": choices, **more}
        return b"data: " + orjson.dumps(said) + b"\n\n"

    def _part(self, index: int, token: str, logprob: float | None) -> dict[str, Any]:
        if self.chat:
            logprobs = {"content": [logprob_json(token, logprob)]} if self.logprobs else None
            return {"index": index, "delta": {"content": token}, "logprobs": logprobs, "finish_reason": None}
        logprobs = {"tokens": [token], "token_logprobs": [logprob]} if self.logprobs else None
        return {"index": index, "text": token, "logprobs": logprobs, "finish_reason": None}

    def _last(self, index: int, sample: Sample) -> dict[str, Any]:
        empty = {"delta": {}} if self.chat else {"text": ""}
        return {"index": index, **empty, "finish_reason": sample.finish, "stop_reason": sample.stop_reason}
