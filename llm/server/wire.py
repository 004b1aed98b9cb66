"""The connections to a fleet: sends a body to the best address and brings back what it answered."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from redraft.llm.limits import Limits
from redraft.llm.model import Cause, ModelError
from redraft.llm.said import said
from redraft.llm.server.addresses import Address, Addresses

KEPT_S = 4.0  # of an idle connection: servers drop theirs after 5 s and more
NO_PAGE = (404, 405)
STUMBLES = (429, 500, 502, 503, 504, 529)  # of one address, while others may do better


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, and the endpoint that gave it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    address: Address
    url: URL


class Wire:
    """One pool of connections for all calls of a model, made when the first one is."""

    def __init__(self, addresses: Addresses, key: str, limits: Limits) -> None:
        self.addresses = addresses
        self._key = key
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def shown(self) -> str:
        """The addresses, fit to be shown."""
        return self.addresses.shown

    async def post(self, body: bytes, number: int, chat: bool = True) -> Answer:
        """Send a body to the chat endpoint, or to that of raw completions. Of the addresses, those that refuse the
        connection are passed over.

        Raises ModelError: Cause.DOWN where none takes the connection, Cause.FAULT where it breaks or time runs out.
        """
        refusals: list[str] = []
        for address in self.addresses.order(number):
            try:
                answer = await self._sent("POST", address, address.chat if chat else address.text, body)
                address.found |= answer.status not in NO_PAGE
                return answer
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                refusals.append(_reason(error))
        why = said("; ".join(dict.fromkeys(refusals)), self._key, *self.addresses.secrets)
        raise ModelError(
            f"Nobody answers at {self.addresses.shown} ({why}).",
            cure="Check that it is up, and its address: --api-base, or the api_base of the part that asks it.",
            cause=Cause.DOWN,
        )

    async def ask(self, method: str, address: Address, path: str, body: bytes | None = None) -> Answer:
        """Ask another page of one server; `path` begins with a slash, and is below the address without `/v1`, unless
        it begins with "/v1". Raises ModelError."""
        base = address.base if path.startswith("/v1") else address.root
        url = base.joinpath(*path.removeprefix("/v1").strip("/").split("/"))
        try:
            return await self._sent(method, address, url, body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ModelError(f"Nobody answers at {address.shown} ({_reason(error)}).", cause=Cause.DOWN) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _sent(self, method: str, address: Address, url: URL, body: bytes | None) -> Answer:
        session = self._session
        if session is None or self._loop is not asyncio.get_running_loop():
            session = self._opened()
        begun = time.monotonic()
        address.in_flight += 1
        address.tried(begun)
        try:
            async with session.request(method, url, data=body, allow_redirects=False, proxy=address.proxy) as response:
                answer = Answer(response.status, response.headers, await response.read(), address, url)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            address.failed(begun, time.monotonic())
            if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
                raise
            raise _broken(address, error, self._limits.timeout_s) from None
        finally:
            address.in_flight -= 1
        if answer.status in STUMBLES:
            address.failed(begun, time.monotonic())
        else:
            address.answered()
        return answer

    def _opened(self) -> aiohttp.ClientSession:
        headers: dict[str, Any] = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key and not any(address.has_password for address in self.addresses):
            headers["Authorization"] = f"Bearer {self._key}"
        self._loop = asyncio.get_running_loop()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_S, ttl_dns_cache=300),
            timeout=aiohttp.ClientTimeout(total=self._limits.timeout_s, connect=self._limits.connect_s),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent",),
        )
        return self._session


def _broken(address: Address, error: BaseException, timeout_s: float) -> ModelError:
    """What became of a call that was sent. The server may have done the work, and charged it."""
    if isinstance(error, TimeoutError):
        message, cure = f"{address.shown} gave no answer in {timeout_s:g} s.", "Ask for less, or wait longer."
    else:
        message, cure = f"The connection to {address.shown} broke ({_reason(error)}).", "Try again later."
    return ModelError(message, cure=cure, cause=Cause.FAULT, usage=None)


def _reason(error: BaseException) -> str:
    """Why, in a few words, without an address that could hold a password."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "no connection in time"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or str(error.os_error) or type(error.os_error).__name__
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed it"
    return said(str(error)) or type(error).__name__
