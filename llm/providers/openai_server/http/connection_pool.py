"""HTTP/1.1 without TLS or proxy, for model servers on local machines: llhttp on plain connections.

An aiohttp session, which handles all other cases, takes more processor time for each call (`bench/speed/clients.py`
measures redraft and a plain aiohttp loop). Two clients written in Rust were not used: pyreqwest waits for the GIL with
each reply if the event loop is busy, and wreq ignores SSL_CERT_FILE.
"""

import asyncio
from base64 import b64encode
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from socket import SOCK_STREAM
from typing import NamedTuple
from weakref import WeakSet

from aiohappyeyeballs import AddrInfoType, start_connection
from yarl import URL

from redraft.llm.providers.openai_server.http.connection import Connection
from redraft.llm.providers.openai_server.http.response import ConnectFailed, Response

IDLE_S = 4.0  # the lifetime of an idle connection; servers close an idle connection after 5 s or more
DNS_CACHE_S = 300.0  # the lifetime of a resolved name
STAGGER_S = 0.25  # the pause before a second address of a host is tried beside the first (RFC 8305)

HostPort = tuple[str, int]
"""A host and a port."""


class ResolvedHost(NamedTuple):
    """The addresses of a host's name, and the loop's time `until` which they are valid."""

    addresses: asyncio.Task[Sequence[AddrInfoType]]
    until: float


class ConnectionPool:
    """Connections to any number of servers, in the running event loop. An idle connection is reused for up to IDLE_S
    seconds. `headers` are sent with every request."""

    def __init__(self, headers: Mapping[str, str], connect_s: float, timeout_s: float) -> None:
        self._headers = {"Accept-Encoding": "gzip, deflate", **headers}
        self._connect_s = min(connect_s, timeout_s)
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._heads: dict[tuple[str, URL], tuple[bytes, HostPort]] = {}
        self._places: dict[HostPort, ResolvedHost] = {}
        self._idle: defaultdict[HostPort, deque[Connection]] = defaultdict(deque)
        self._open: WeakSet[Connection] = WeakSet()
        self._sweeping: asyncio.TimerHandle | None = None

    async def send(self, method: str, url: URL, body: bytes) -> Response:
        """Returns the answer to a request. Raises ConnectFailed, ConnectionBroken or TimeoutError, and ValueError if a
        header is invalid."""
        head, place = self._heads.get((method, url)) or self._head(method, url)
        connection = self._idle_connection(place) or await self._connect(place)
        try:
            response = await connection.exchange(b"%b%d\r\n\r\n%b" % (head, len(body), body), self._timeout_s)
        except BaseException:  # also on cancellation: a late answer would be taken for the next answer
            connection.close()
            raise
        if connection.reusable:
            self._release(place, connection)
        return response

    def close(self) -> None:
        """Closes all connections."""
        for connection in list(self._open):
            connection.close()
        self._idle.clear()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    def _head(self, method: str, url: URL) -> tuple[bytes, HostPort]:
        """Returns a pair: the beginning of a request, up to the length of its body, and its host and port. The result
        is cached."""
        headers = {"Host": url.host_port_subcomponent or "", **self._headers}
        if url.user is not None:
            named = f"{url.user}:{url.password or ''}"
            headers["Authorization"] = f"Basic {b64encode(named.encode()).decode()}"
        if any(mark in value for value in headers.values() for mark in "\r\n\0"):
            raise ValueError("a header would hold a second line")
        lines = [f"{method} {url.raw_path_qs} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        made = "\r\n".join([*lines, "Content-Length: "]).encode(), (url.raw_host or "", url.port or 80)
        self._heads[method, url] = made
        return made

    async def _connect(self, place: HostPort) -> Connection:
        try:
            async with asyncio.timeout(self._connect_s):
                socket = await start_connection(await self._resolve(place), happy_eyeballs_delay=STAGGER_S)
                _, connection = await self._loop.create_connection(Connection, sock=socket)
        except TimeoutError:
            raise ConnectFailed("no connection in time") from None
        except OSError as error:
            raise ConnectFailed(error.strerror or str(error) or type(error).__name__) from None
        self._open.add(connection)
        return connection

    async def _resolve(self, place: HostPort) -> Sequence[AddrInfoType]:
        """Returns the addresses of a host. Concurrent calls share one lookup."""
        found = self._places.get(place)
        if found is None or found.until < self._loop.time():
            lookup = self._loop.create_task(self._loop.getaddrinfo(*place, type=SOCK_STREAM))
            found = self._places[place] = ResolvedHost(lookup, self._loop.time() + DNS_CACHE_S)
        try:
            return await asyncio.shield(found.addresses)
        except OSError:
            self._places.pop(place, None)
            raise

    def _idle_connection(self, place: HostPort) -> Connection | None:
        """Returns the most recently used idle connection, or None."""
        idle = self._idle[place]
        while idle:
            connection = idle.pop()
            if connection.reusable and connection.since > self._loop.time() - IDLE_S:
                return connection
            connection.close()
        return None

    def _release(self, place: HostPort, connection: Connection) -> None:
        connection.since = self._loop.time()
        self._idle[place].append(connection)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(IDLE_S, self._sweep)

    def _sweep(self) -> None:
        """Closes connections that have been idle for too long."""
        for idle in self._idle.values():
            while idle and idle[0].since <= self._loop.time() - IDLE_S:
                idle.popleft().close()
        self._sweeping = self._loop.call_later(IDLE_S, self._sweep) if any(self._idle.values()) else None
