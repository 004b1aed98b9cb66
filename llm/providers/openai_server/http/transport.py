"""The connections to the servers of a model: sends a body to the best server and returns the answer."""

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from yarl import URL

from redraft.llm.limits import TIMEOUT_CURE, Limits
from redraft.llm.model import Cause, ModelError
from redraft.llm.providers.openai_server.http.connection_pool import ConnectionPool
from redraft.llm.providers.openai_server.http.load_balancer import Address, LoadBalancer
from redraft.llm.providers.openai_server.http.response import ConnectFailed, ConnectionBroken, Response
from redraft.llm.providers.shared.redaction import redacted_line

if TYPE_CHECKING:
    from redraft.llm.providers.openai_server.http.session import AiohttpSession

NO_PAGE = (404, 405)
STUMBLES = (429, 500, 502, 503, 504, 529)  # failures of one server; another server may answer


class Answer(NamedTuple):
    """An HTTP answer, and the address and URL that it came from."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    address: Address
    url: URL


class Transport:
    """The connections for all calls of a model. They are opened by the first call, and shared by later calls in the
    same event loop."""

    def __init__(self, addresses: LoadBalancer, key: str, limits: Limits) -> None:
        self.addresses = addresses
        self._key = key
        self._limits = limits
        self._plain: ConnectionPool | None = None
        self._session: AiohttpSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def redacted(self) -> str:
        """Returns the addresses without their secrets."""
        return self.addresses.redacted

    async def post(self, body: bytes, number: int, chat: bool = True) -> Answer:
        """Sends a body to the endpoint for chat or for raw completions, and returns the answer. A server that refuses
        the connection is skipped.

        Raises ModelError with Cause.DOWN if every server refuses the connection, and with Cause.FAULT if the connection
        breaks or the call times out.
        """
        refusals: list[str] = []
        for address in self.addresses.order(number):
            try:
                answer = await self._send("POST", address, address.chat if chat else address.text, body)
                address.found |= answer.status not in NO_PAGE
                return answer
            except ConnectFailed as error:
                refusals.append(redacted_line(str(error)))
        why = redacted_line("; ".join(dict.fromkeys(refusals)), self._key, *self.addresses.secrets)
        raise ModelError(
            f"Nobody answers at {self.addresses.redacted} ({why}).",
            cure="Check that it is up, and its address: --api-base, or the api_base of the part that asks it.",
            cause=Cause.DOWN,
        )

    async def ask(self, method: str, address: Address, path: str, body: bytes = b"") -> Answer:
        """Sends a request to another path of one server, and returns the answer. `path` begins with a slash. It is
        relative to the base URL if it begins with "/v1", otherwise to the server's root. Raises ModelError."""
        base = address.base if path.startswith("/v1") else address.root
        url = base.joinpath(*path.removeprefix("/v1").strip("/").split("/"))
        try:
            return await self._send(method, address, url, body)
        except ConnectFailed as error:
            raise ModelError(
                f"Nobody answers at {address.redacted} ({redacted_line(str(error))}).", cause=Cause.DOWN
            ) from None

    async def close(self) -> None:
        """Closes all connections."""
        self._loop = None
        if self._plain is not None:
            self._plain.close()
            self._plain = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, method: str, address: Address, url: URL, body: bytes) -> Answer:
        """Returns the answer of one server. Raises ConnectFailed, and ModelError if the server may have received the
        request."""
        begun = time.monotonic()
        address.in_flight += 1
        address.record_try(begun)
        try:
            answer = Answer(*await self._exchange(method, address, url, body), address, url)
        except (ConnectFailed, ConnectionBroken, TimeoutError, ValueError) as error:
            address.record_failure(begun, time.monotonic())
            if isinstance(error, ConnectFailed):
                raise
            raise _broken_error(address, error, self._limits.timeout_s) from None
        finally:
            address.in_flight -= 1
        if answer.status in STUMBLES:
            address.record_failure(begun, time.monotonic())
        else:
            address.record_answer()
        return answer

    async def _exchange(self, method: str, address: Address, url: URL, body: bytes) -> Response:
        if self._loop is not (loop := asyncio.get_running_loop()):
            self._loop, self._plain, self._session = loop, None, None
        if address.plain:
            self._plain = self._plain or ConnectionPool(*self._settings())
            return await self._plain.send(method, url, body)
        if self._session is None:
            from redraft.llm.providers.openai_server.http.session import AiohttpSession  # aiohttp takes 0.1 s to import

            self._session = AiohttpSession(*self._settings())
        return await self._session.send(method, url, body, address.proxy)

    def _settings(self) -> tuple[dict[str, str], float, float]:
        """Returns the headers of every request, and two time limits in seconds: for the connection and for the whole
        call."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key and not any(address.has_password for address in self.addresses):
            headers["Authorization"] = f"Bearer {self._key}"
        return headers, self._limits.connect_s, self._limits.timeout_s


def _broken_error(address: Address, error: Exception, timeout_s: float) -> ModelError:
    """Returns the error for a call that was sent. The server may have processed the call, and charged for it."""
    kind = "broken connection"
    if isinstance(error, TimeoutError):
        message, cure = f"{address.redacted} gave no answer in {timeout_s:g} s.", TIMEOUT_CURE
        kind = "timeout"
    else:
        why = redacted_line(str(error)) or type(error).__name__
        message, cure = f"The connection to {address.redacted} broke ({why}).", "Try again later."
    return ModelError(message, cure=cure, cause=Cause.FAULT, usage=None, kind=kind)
