"""Reward models on servers, as Models. The messages of a request are the input, and the text of the reply contains the
numbers.

vLLM serves them at `/pooling` (values of steps or of tokens) and `/classify` (probabilities of a text). Generative
reward models answer at the chat endpoint. Because a reward model is a Model, it shares the journal, the budgets, the
limits and the record of calls with all other models.
"""

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import Any

from redraft.llm.gather import gather
from redraft.llm.limits import Limits
from redraft.llm.model import Cause, Choice, Finish, Model, ModelError, Reply, Request, UnsupportedRequest
from redraft.llm.providers.openai_server import errors
from redraft.llm.providers.openai_server.http.load_balancer import LoadBalancer
from redraft.llm.providers.openai_server.http.transport import Answer, Transport
from redraft.llm.providers.openai_server.requests import encode_body
from redraft.llm.providers.shared.error_body import ErrorBody, error_in_reply, unreadable_reply
from redraft.llm.providers.shared.redaction import redacted_line
from redraft.llm.usage import Usage

TOPS = 20  # the largest number of log-probabilities per token that vLLM and OpenAI return


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path, the settings that are sent with each request to it, and the name of the field of an item of `data` that
    has the numbers."""

    path: str
    settings: Mapping[str, Any]
    numbers: str = ""


ENDPOINTS: Mapping[str, tuple[Endpoint, ...]] = MappingProxyType(
    {
        "pooling": (Endpoint("/pooling", {"task": "token_classify", "use_activation": True}, "data"),),
        "classify": (Endpoint("/classify", {"use_activation": True}, "probs"),),
        "values": (
            Endpoint("/pooling", {"task": "token_classify", "use_activation": False}, "data"),
            Endpoint("/v1/embeddings", {}, "embedding"),
        ),
        "signs": (
            Endpoint(
                "/v1/chat/completions", {"max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": TOPS}
            ),
        ),
    }
)
"""The protocols and their endpoints. If a server lacks an endpoint, the next one is tried.

"pooling" takes a chat or one text, and the reply's text is rows of probabilities. "classify" takes a chat or several
texts, and returns a row of probabilities for each. "values" takes pieces that are tokenized one by one, and returns a
row with a logit for the last token of each piece of role "end". "signs" takes a chat that the model continues, and
returns the log-probabilities of the next token, by token.

`use_activation` asks for probabilities or for logits, so that neither is taken for the other. Skywork's plugin for vLLM
0.6.4 answers at `/v1/embeddings`, always with logits.
"""


class ServerRewardModel(Model):
    """A reward model at one or more addresses. The role of a message decides its use: "input" is a plain text; "piece"
    or "end" is a part of one text, for the protocol "values"; any other role is a part of a chat."""

    def __init__(
        self,
        name: str,
        addresses: Sequence[str],
        *,
        way: str = "pooling",
        key: str = "",
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self.name = name
        self.way = way
        self._endpoints = ENDPOINTS[way]
        self._addresses = LoadBalancer(addresses)
        self._wire = Transport(self._addresses, key, limits)
        self._secrets = (*filter(None, [key]), *self._addresses.secrets)

    async def complete(self, request: Request) -> Reply:
        """Returns one choice whose text is JSON: a list of rows, or an object for the protocol "signs". Raises
        ModelError."""
        pieces = await self._pieces(request) if self.way == "values" else []
        tokens = [token for piece in pieces for token in piece]
        endpoint, reply = await self._ask({"input": tokens} if pieces else _shown(self.way, request))
        try:
            found: Any = _signs(reply) if self.way == "signs" else _rows(reply, endpoint.numbers)
        except (KeyError, TypeError, IndexError, AttributeError):
            raise self._without_numbers(reply) from None
        if pieces and len(found) != len(tokens):
            raise ModelError(
                f"{self._addresses.redacted} was sent {len(tokens)} tokens and returned {len(found)} of their values.",
                cure=OTHER_SERVER,
            )
        if pieces:
            ends = accumulate(map(len, pieces))
            found = [
                found[end - 1] for end, message in zip(ends, request.messages, strict=True) if message.role == "end"
            ]
        used = _usage(reply, len(tokens) or 1 + sum(len(message.content) for message in request.messages) // 4)
        return Reply((Choice(json.dumps(found), Finish.END, 0),), used)

    async def close(self) -> None:
        """Closes all connections."""
        await self._wire.close()

    async def _ask(self, data: Mapping[str, Any]) -> tuple[Endpoint, Any]:
        """Returns a pair: the first endpoint that the server has, and its reply. An endpoint that the server lacks is
        not tried again."""
        endpoint, *others = self._endpoints
        try:
            return endpoint, await self._post_json(endpoint.path, {"model": self.name, **data, **endpoint.settings})
        except errors.EndpointMissing:
            if not others:
                raise
            self._endpoints = tuple(others)
            return await self._ask(data)

    async def _pieces(self, request: Request) -> list[list[int]]:
        """Returns the token ids of each piece. Equal pieces are tokenized only once."""
        texts = list(dict.fromkeys(message.content for message in request.messages))
        tokens = dict(zip(texts, await gather(self._tokens(text) for text in texts), strict=True))
        return [tokens[message.content] for message in request.messages]

    async def _tokens(self, text: str) -> list[int]:
        """Returns the token ids of a text, without special tokens."""
        body = {"model": self.name, "prompt": text, "add_special_tokens": False}
        reply = await self._post_json("/tokenize", body)
        tokens = reply.get("tokens") if isinstance(reply, dict) else None
        if not isinstance(tokens, list) or not tokens:
            raise self._without_numbers(reply)
        return tokens

    async def _post_json(self, path: str, data: dict[str, Any]) -> Any:
        """Returns the JSON reply to a body. Raises ModelError, also if the reply contains an error."""
        answer = await self._post(path, encode_body(data))
        if answer.status != 200:
            raise self._failure(path, answer.status, answer, ErrorBody(answer.body))
        try:
            reply = json.loads(answer.body)
        except (ValueError, RecursionError):
            raise unreadable_reply(
                answer.body, answer.address.redacted, self._secrets, "the grader's api_base"
            ) from None
        if isinstance(reply, dict) and (inside := error_in_reply(reply)):
            raise self._failure(path, inside[0], answer, inside[1])
        return reply

    async def _post(self, path: str, body: bytes) -> Answer:
        """Returns the answer of the best server that accepts the connection. A hash of the body is used as the number
        of the tree."""
        last: ModelError | None = None
        for address in self._addresses.order(zlib.crc32(body)):
            try:
                return await self._wire.ask("POST", address, path, body)
            except ModelError as error:
                if error.cause is not Cause.DOWN:
                    raise
                last = error
        assert last is not None
        raise last

    def _failure(self, path: str, status: int, answer: Answer, words: ErrorBody) -> ModelError:
        """Returns the error for a rejected request, with cures that fit a reward model's server."""
        shown = answer.address.redacted
        short = redacted_line(words.text, *self._secrets)
        error = errors.status_error(status, answer.headers, words, shown, self.name, self._secrets)
        if isinstance(error, errors.EndpointMissing):
            error = errors.EndpointMissing(f"{shown} has no {path} (HTTP {status}).", cure=OTHER_SERVER, fatal=True)
        elif errors.lacks_model(status, words):
            cure = "Check the grader's model and api_base."
            error = ModelError(f"{shown} has no model {self.name!r} ({short}).", cure=cure, fatal=True)
        elif isinstance(error, UnsupportedRequest) and errors.LONG.search(f"{words.code} {words.text}"):
            error = UnsupportedRequest(f"The draft is too long for {self.name} ({short}).", cure=TOO_LONG)
        elif cure := next((cure for refusal, cure in REFUSALS.items() if re.search(refusal, words.text, re.I)), None):
            error = UnsupportedRequest(
                f"{shown} does not take a draft as this profile sends it ({short}).", cure=cure, fatal=True
            )
        error.kind = f"HTTP {status}"
        return error

    def _without_numbers(self, reply: Any) -> ModelError:
        """Returns the error for a JSON reply that is not a reply of a reward model."""
        shown = redacted_line(json.dumps(reply), *self._secrets)
        return ModelError(
            f"{self._addresses.redacted} answered without numbers ({shown}).", cure=OTHER_SERVER, kind="bad reply"
        )


def _shown(way: str, request: Request) -> dict[str, Any]:
    """Returns the field of the body that holds the draft. vLLM adds special tokens to a plain text; the chat template
    adds them to a chat."""
    texts = [message.content for message in request.messages if message.role == "input"]
    if texts:
        return {"input": texts if way == "classify" else texts[0]}
    return {"messages": [{"role": message.role, "content": message.content} for message in request.messages]}


def _rows(reply: Any, numbers: str) -> list[Any]:
    """Returns the rows of numbers in a reply: one row for each item for "probs", otherwise the rows of the only item. A
    single number becomes a row of one number."""
    items = sorted(reply["data"], key=lambda item: item.get("index", 0))
    if numbers == "probs":
        return [item["probs"] for item in items]
    rows = items[0][numbers]
    if not isinstance(rows, list) or len(items) > 1:
        raise TypeError(f"{len(items)} items where one is expected")
    return [row if isinstance(row, list) else [row] for row in rows]


def _signs(reply: Any) -> dict[str, float]:
    """Returns the log-probabilities of the candidates for the first token, by their text without surrounding
    whitespace. If candidates have the same text, the highest is returned."""
    found: dict[str, float] = {}
    for one in reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]:
        text = one["token"].strip()
        found[text] = max(one["logprob"], found.get(text, one["logprob"]))
    return found


def _usage(reply: Any, estimate: int) -> Usage:
    """Returns the number of tokens that the server read, or `estimate` if the reply does not say it."""
    usage = reply.get("usage")
    read = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return Usage(read if isinstance(read, int) and read > 0 else estimate)


OTHER_SERVER = "Start the server with the profile's command (docs/graders.md), or choose another profile."
TOO_LONG = "Shorter drafts help, or a larger --max-model-len of the server."
REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        r"unsupported task|does not support .{1,40} API": OTHER_SERVER,
        r"chat template": "Start the server with --chat-template FILE, or choose another profile.",
    }
)
"""The cures for error messages of servers that reject every draft, by patterns of the messages."""
