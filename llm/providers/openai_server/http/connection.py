"""One HTTP/1.1 connection: sends a request and parses the answer with llhttp."""

import asyncio
import gzip
import zlib
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from redraft.llm.providers.openai_server.http.response import ConnectionBroken, Response


class Connection(asyncio.Protocol):
    """One connection, with one exchange at a time. `since` is the loop's time when it became idle."""

    def __init__(self) -> None:
        self.since = 0.0
        self._loop = asyncio.get_running_loop()
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_headers=True, lenient_optional_cr_before_lf=True)
        self._awaited: asyncio.Future[Response] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._keep_alive = True  # whether another exchange may follow
        self._has_headers = False  # whether the headers of an answer have arrived
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    @property
    def reusable(self) -> bool:
        """Returns whether another exchange may follow."""
        return self._keep_alive and not self._transport.is_closing()

    def exchange(self, request: bytes, timeout_s: float) -> "asyncio.Future[Response]":
        """Sends a request and returns a future for the answer. The future raises ConnectionBroken or TimeoutError."""
        self._awaited = awaited = self._loop.create_future()
        self._timer = self._loop.call_later(timeout_s, self._fail, TimeoutError())
        self._transport.write(request)
        return awaited

    def close(self) -> None:
        """Closes the connection. A pending answer fails with ConnectionBroken."""
        self._fail(ConnectionBroken("it was closed on this side"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's class does not derive from asyncio.Transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(ConnectionBroken(f"no HTTP answer came: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None and self._has_headers and not self._headers.keys() & {"content-length", "transfer-encoding"}:
            self._finish()  # such an answer ends with the connection
        else:
            self._fail(ConnectionBroken(str(exc) if exc else "the server closed it"))

    def on_message_begin(self) -> None:
        self._headers, self._body = {}, []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.setdefault(name.decode("latin-1").lower(), value.decode("utf-8", "surrogateescape"))

    def on_headers_complete(self) -> None:
        self._has_headers = self._parser.get_status_code() >= 200  # a status below 200 only announces the real answer

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._has_headers:
            self._keep_alive = self._parser.should_keep_alive()
            self._finish()

    def _finish(self) -> None:
        awaited, self._awaited, self._has_headers = self._awaited, None, False
        if awaited is None or awaited.done():  # nobody waits for the answer
            self._transport.abort()
            return
        if self._timer is not None:
            self._timer.cancel()
        try:
            body = _unpack(b"".join(self._body), self._headers.get("content-encoding", ""))
        except (OSError, EOFError, zlib.error) as error:
            self._keep_alive = False
            awaited.set_exception(ConnectionBroken(f"its answer does not unpack: {error}"))
        else:
            awaited.set_result(Response(self._parser.get_status_code(), self._headers, body))

    def _fail(self, error: Exception) -> None:
        self._transport.abort()
        if self._timer is not None:
            self._timer.cancel()
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(error)
        self._awaited = None


def _unpack(body: bytes, encoding: str) -> bytes:
    """Returns the decompressed body. Raises OSError, EOFError and zlib.error."""
    match encoding.lower():
        case "gzip" | "x-gzip":
            return gzip.decompress(body)
        case "deflate":
            return zlib.decompress(body, zlib.MAX_WBITS if body[:1] == b"\x78" else -zlib.MAX_WBITS)
        case _:
            return body
