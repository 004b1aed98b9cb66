"""HTTP through aiohttp, for the cases that `ConnectionPool` does not handle: TLS and proxies."""

from collections.abc import Mapping

import aiohttp
from yarl import URL

from redraft.llm.providers.openai_server.http.connection_pool import IDLE_S
from redraft.llm.providers.openai_server.http.response import ConnectFailed, ConnectionBroken, Response


class AiohttpSession:
    """Connections to any number of servers, in the running event loop. `headers` are sent with every request."""

    def __init__(self, headers: Mapping[str, str], connect_s: float, timeout_s: float) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S, ttl_dns_cache=300),
            timeout=aiohttp.ClientTimeout(total=timeout_s, connect=connect_s),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent",),
        )

    async def send(self, method: str, url: URL, body: bytes, proxy: str | None = None) -> Response:
        """Returns the answer to a request. Raises ConnectFailed, ConnectionBroken or TimeoutError, and ValueError if a
        header is invalid."""
        request = self._session.request(method, url, data=body or None, allow_redirects=False, proxy=proxy)
        try:
            async with request as response:
                return Response(response.status, response.headers, await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ConnectFailed(_reason(error)) from None
        except aiohttp.ServerDisconnectedError:
            raise ConnectionBroken("the server closed it") from None
        except TimeoutError:
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionBroken(str(error)) from None

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()


def _reason(error: aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError) -> str:
    """Returns the reason for a failed connection in a few words. They contain no address, because an address may
    contain a password."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "no connection in time"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted: {error.certificate_error}"
    return error.os_error.strerror or str(error.os_error) or type(error.os_error).__name__
