"""Sends a JSON body to a group of servers and returns the JSON reply. Converts a failure to an error that names its
cause."""

import json
from collections.abc import Sequence
from typing import Any

import orjson

from redraft.llm.model import ModelError, UnsupportedRequest
from redraft.llm.providers.openai_server import errors
from redraft.llm.providers.openai_server.http.transport import Answer, Transport
from redraft.llm.providers.openai_server.requests import encode_body
from redraft.llm.providers.openai_server.token import parse_reply
from redraft.llm.providers.shared.error_body import ErrorBody, error_in_reply, unreadable_reply
from redraft.llm.providers.shared.json_body import reply_in_body
from redraft.llm.providers.shared.redaction import redacted_line


class AskAgain(Exception):
    """Raised if the request must be sent again, because the endpoint's address or the model's name on the server was
    corrected."""


class RequestRejected(UnsupportedRequest):
    """Raised if the server rejects the request in its present form. `words` has the server's message."""

    def __init__(self, error: ModelError, status: int, words: ErrorBody) -> None:
        super().__init__(str(error), kind=error.kind)
        self.status = status
        self.words = words


class Endpoint:
    """The endpoint of a model. `model` is the model's name on the servers: the first of its possible names that the
    servers know."""

    def __init__(self, wire: Transport, name: str, names: Sequence[str], keys: Sequence[str]) -> None:
        self.wire = wire
        self._name = name
        self._names = list(names)
        self._keys = keys

    @property
    def model(self) -> str:
        return self._names[0]

    async def exchange(self, data: dict[str, Any], number: int, chat: bool) -> Any:
        """Returns the JSON reply to the body `data`. Raises AskAgain, RequestRejected and other ModelErrors. `number`
        identifies the tree, for the choice of the server."""
        answer = await self.wire.post(encode_body(data), number, chat)
        if answer.status != 200:
            raise await self._failure(answer.status, answer, ErrorBody(answer.body), data)
        try:
            reply = parse_reply(answer.body)
        except ValueError:
            reply = self._lenient(answer)
        holds_error = isinstance(reply, dict) and ("error" in reply or "choices" not in reply)
        if holds_error and (inside := error_in_reply(reply)):
            raise await self._failure(inside[0], answer, inside[1], data)
        return reply

    async def ask(self, data: dict[str, Any], number: int = 0, chat: bool = True) -> Any:
        """Returns the JSON reply to the body `data`. Repeats the exchange if it raises AskAgain."""
        while True:
            try:
                return await self.exchange({**data, "model": self.model}, number, chat)
            except AskAgain:
                continue

    async def ask_page(self, path: str, data: dict[str, Any]) -> Any:
        """Returns the JSON reply of another page of a server to a body; None if it is no JSON. Raises EndpointMissing,
        RequestRejected and other ModelErrors."""
        while True:
            sent = {**data, "model": self.model}
            answer = await self.wire.ask("POST", self.wire.addresses.order(0)[0], path, encode_body(sent))
            if answer.status == 200:
                try:
                    return orjson.loads(answer.body)
                except ValueError:
                    return None
            words = ErrorBody(answer.body)
            if answer.status in (404, 405) and not errors.lacks_model(answer.status, words):
                raise errors.EndpointMissing(f"{answer.address.redacted} has no {path} (HTTP {answer.status}).")
            error = await self._failure(answer.status, answer, words, sent)
            if not isinstance(error, AskAgain):
                raise error

    def unreadable_error(self, reply: Any) -> ModelError:
        """Returns the error for a JSON reply that violates the protocol."""
        return unreadable_reply(json.dumps(reply).encode(), self.wire.redacted, self._keys)

    def _lenient(self, answer: Answer) -> Any:
        """Returns the JSON in a body that has more than JSON, such as an event stream."""
        try:
            return reply_in_body(answer.body.decode())
        except (ValueError, RecursionError):
            raise unreadable_reply(answer.body, answer.address.redacted, self._keys) from None

    async def _failure(self, status: int, answer: Answer, words: ErrorBody, data: dict[str, Any]) -> Exception:
        if errors.lacks_model(status, words):
            if data["model"] != self.model or len(self._names) > 1:
                self._names = [name for name in self._names if name != data["model"]]
                return AskAgain()
        elif status in (404, 405) and answer.address.switch_base(answer.url):
            return AskAgain()
        error = errors.status_error(status, answer.headers, words, answer.address.redacted, self._name, self._keys)
        error.kind = f"HTTP {status}"
        if errors.lacks_model(status, words) and (there := await self._models(answer)):
            return ModelError(str(error), cure=f"It has {there}.", fatal=True, kind=error.kind)
        return RequestRejected(error, status, words) if isinstance(error, UnsupportedRequest) else error

    async def _models(self, answer: Answer) -> str:
        """Returns the names of the first models that the server lists, as one text."""
        try:
            listed = orjson.loads((await self.wire.ask("GET", answer.address, "/v1/models")).body)["data"]
            names = [repr(one["id"]) for one in listed[:5]]
        except (ModelError, ValueError, KeyError, TypeError):
            return ""
        return redacted_line(", ".join(names) + (", ..." if len(listed) > 5 else ""), *self._keys)
