"""Reward models on servers, as Models. The messages of a request are the input, and the text of the reply has the
numbers.

vLLM serves them at `/pooling` (values of steps), `/classify` (probabilities of a text) and, by a plugin, as embeddings
(values of tokens). Generative reward models answer at the chat endpoint. As a Model, a reward model shares the journal,
the budgets, the limits and the record of calls with every other model.
"""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from redraft.llm.limits import Limits
from redraft.llm.model import Cause, Choice, Finish, Model, ModelError, Reply, Request
from redraft.llm.providers.openai_server import errors
from redraft.llm.providers.openai_server.http.load_balancer import LoadBalancer
from redraft.llm.providers.openai_server.http.transport import Answer, Transport
from redraft.llm.providers.openai_server.requests import encode_body
from redraft.llm.usage import Usage

PATHS: Mapping[str, str] = MappingProxyType(
    {
        "pooling": "/pooling",
        "classify": "/classify",
        "values": "/v1/embeddings",
        "signs": "/v1/chat/completions",
    }
)
"""The protocols and their paths.

"pooling" takes a chat or one text, and the reply's text is rows of numbers. "classify" takes a chat or several texts,
and returns a row of probabilities for each. "values" takes pieces that are tokenized one by one, and returns a row for
the last token of each piece but the first. "signs" takes a chat that the model continues, and returns the
log-probabilities of the next token, by token.
"""

TOPS = 20  # the most log-probabilities of a token that vLLM and OpenAI return


class ServerRewardModel(Model):
    """A reward model at one address or several. A message of role "input" is a plain text; of role "piece", for
    "values", a part of one; of any other role, a part of a chat."""

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
        self._addresses = LoadBalancer(addresses)
        self._wire = Transport(self._addresses, key, limits)
        self._secrets = (*filter(None, [key]), *self._addresses.secrets)

    async def complete(self, request: Request) -> Reply:
        """Returns one choice whose text is JSON: a list of rows, or an object for "signs". Raises ModelError."""
        if self.way == "values":
            pieces = [await self._tokens(message.content) for message in request.messages]
            data: dict[str, Any] = {"input": [token for piece in pieces for token in piece]}
        else:
            pieces, data = [], _body(self.way, request)
        reply = await self._post_json(PATHS[self.way], {"model": self.name, **data})
        try:
            found = _numbers(self.way, reply, [len(piece) for piece in pieces])
        except (KeyError, TypeError, IndexError):
            raise self._unreadable_error(reply) from None
        usage = reply.get("usage") if isinstance(reply.get("usage"), dict) else {}
        prompt = usage.get("prompt_tokens") or sum(len(piece) for piece in pieces)
        used = Usage(prompt or 1 + sum(len(message.content) for message in request.messages) // 4)
        return Reply((Choice(json.dumps(found), Finish.END, 0),), used)

    async def close(self) -> None:
        """Closes all connections."""
        await self._wire.close()

    async def _tokens(self, text: str) -> list[int]:
        """Returns a text's tokens without special tokens."""
        body = {"model": self.name, "prompt": text, "add_special_tokens": False}
        reply = await self._post_json("/tokenize", body)
        tokens = reply.get("tokens") if isinstance(reply, dict) else None
        if not isinstance(tokens, list) or not tokens:
            raise self._unreadable_error(reply)
        return tokens

    async def _post_json(self, path: str, data: dict[str, Any]) -> Any:
        """Returns the JSON reply to a body."""
        answer = await self._post(path, encode_body(data))
        if answer.status != 200:
            raise self._failure(path, answer)
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise errors.unreadable_reply(answer.body, answer.address.redacted, self._secrets) from None

    async def _post(self, path: str, body: bytes) -> Answer:
        """Returns the answer of the best address that accepts the connection."""
        last: ModelError | None = None
        for address in self._addresses.order(0):
            try:
                return await self._wire.ask("POST", address, path, body)
            except ModelError as error:
                if error.cause is not Cause.DOWN:
                    raise
                last = error
        assert last is not None
        raise last

    def _failure(self, path: str, answer: Answer) -> ModelError:
        words = errors.ErrorBody(answer.body)
        shown = answer.address.redacted
        error = errors.status_error(answer.status, answer.headers, words, shown, self.name, self._secrets)
        error.kind = f"HTTP {answer.status}"
        if isinstance(error, errors.EndpointMissing):
            return ModelError(
                f"{shown} has no {path} (HTTP {answer.status}).",
                cure="Serve the reward model there, as with `vllm serve MODEL --runner pooling`, or choose another"
                " profile.",
                fatal=True,
            )
        return error

    def _unreadable_error(self, reply: Any) -> ModelError:
        return errors.unreadable_reply(json.dumps(reply).encode(), self._addresses.redacted, self._secrets)


def _body(way: str, request: Request) -> dict[str, Any]:
    """Returns the protocol's part of the body. vLLM adds special tokens to a plain text; the chat template adds them to
    a chat."""
    texts = [message.content for message in request.messages if message.role == "input"]
    chat = [{"role": message.role, "content": message.content} for message in request.messages]
    if way == "signs":
        return {"messages": chat, "max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": TOPS}
    data: dict[str, Any] = {"input": texts if way == "classify" else texts[0]} if texts else {"messages": chat}
    return {**data, "task": "token_classify"} if way == "pooling" else data


def _numbers(way: str, reply: Any, lengths: Sequence[int]) -> Any:
    """Returns the numbers of a reply. `lengths` are the lengths of the pieces in tokens."""
    if way == "signs":
        return _signs(reply)
    return _piece_ends(_rows(way, reply), lengths) if way == "values" else _rows(way, reply)


def _rows(way: str, reply: Any) -> list[Any]:
    """Returns the rows of numbers in a reply."""
    data = sorted(reply["data"], key=lambda one: one.get("index", 0))
    if way == "classify":
        return [one["probs"] for one in data]
    return [row if isinstance(row, list) else [row] for row in data[0]["embedding" if way == "values" else "data"]]


def _piece_ends(rows: Sequence[Any], lengths: Sequence[int]) -> list[Any]:
    """Returns the rows of the last tokens of all pieces but the first; no rows if the numbers of rows and tokens
    differ, since the rows cannot be assigned then."""
    if len(rows) != sum(lengths):
        return []
    ends, at = [], lengths[0]
    for length in lengths[1:]:
        at += length
        ends.append(rows[at - 1])
    return ends


def _signs(reply: Any) -> dict[str, float]:
    """Returns the log-probabilities of the candidates for the first token, by their text without white space. Among
    equal texts the likeliest counts."""
    found: dict[str, float] = {}
    for one in reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]:
        text = one["token"].strip()
        found[text] = max(one["logprob"], found.get(text, one["logprob"]))
    return found
