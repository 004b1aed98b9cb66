"""What may come over a connection, bare, over TLS and through a proxy, and what becomes of connections."""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from redraft.llm.limits import Limits
from redraft.llm.model import Cause, ModelError
from redraft.llm.providers.openai_server.http import connection_pool
from redraft.llm.providers.openai_server.http.load_balancer import LoadBalancer
from redraft.llm.providers.openai_server.http.transport import Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\nok", b"HTTP/1.0 200 OK\r\nX: y\r\n\r\nok"
HANG, DROP = b"", None


class Raw:
    """Answers each request with the next of these bytes, the last for good: HANG keeps it waiting, DROP closes the
    connection, and so do answers that do not tell their length. `heads` are what came, `connections` how many there
    were; `asked` is set by the first request, `left` by the first that goes away without an answer."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.heads: list[str] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(self, context: ssl.SSLContext | None = None) -> "Raw":
        self._server = await asyncio.start_server(self._met, "127.0.0.1", 0, ssl=context, backlog=2048)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        return self

    async def stop(self) -> None:
        self._server.close()
        for writer in self._open.values():
            writer.close()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if task := asyncio.current_task():
            self._open[task] = writer
        try:
            while await self._answered(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether another request may follow."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((line for line in head.splitlines() if line.lower().startswith("content-length")), ":0")
        await reader.readexactly(int(length.partition(":")[2]))
        self.heads.append(head)
        self.asked.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == HANG:
            await reader.read()
            self.left.set()
        writer.write(answer or b"")
        await writer.drain()
        return bool(answer) and answer not in (*ENDLESS, *BROKEN)


Serve = Callable[..., Awaitable[Raw]]
Open = Callable[..., Transport]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers that end with the test."""
    started: list[Raw] = []

    async def start(*answers: bytes | None, context: ssl.SSLContext | None = None) -> Raw:
        started.append(await Raw(*answers).start(context))
        return started[-1]

    yield start
    for server in started:
        await server.stop()


@pytest.fixture
async def wire_to() -> AsyncIterator[Open]:
    """Wires to an address, closed with the test."""
    opened: list[Transport] = []

    def to(url: str, key: str = "", limits: Limits = Limits(timeout_s=20)) -> Transport:  # noqa: B008 - frozen
        opened.append(Transport(LoadBalancer([url]), key, limits))
        return opened[-1]

    yield to
    for wire in opened:
        await wire.close()


def packed(body: bytes, encoding: str) -> bytes:
    """An answer in one chunk."""
    head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: {encoding}\r\n\r\n{len(body):x}\r\n"
    return head.encode() + body + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        *ENDLESS,
        b"HTTP/1.1 200\r\ncontent-length:2\r\n\r\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\r\nX: \xe9\r\n\r\nok",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
        packed(gzip.compress(b"ok"), "gzip"),
        packed(gzip.compress(b"o") + gzip.compress(b"k"), "GZIP"),
        packed(zlib.compress(b"ok"), "deflate"),
        packed(zlib.compress(b"ok", wbits=-15), "deflate"),
    ],
    ids=range(10),
)  # fmt: skip
async def test_an_answer_may_have_any_form(serve: Serve, wire_to: Open, answer: bytes) -> None:
    server = await serve(answer, OK)
    wire = wire_to(server.url)
    assert [(await wire.post(b"{}", 0)).body for _ in range(2)] == [b"ok", b"ok"]


BROKEN = (
    b"SMTP at your service\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
    b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: elsewhere\r\n\r\nabc",
    b"HTTP/1.1 200",
)
UNPACKABLE = packed(b"no", "gzip"), packed(b"x\x9cno", "deflate"), packed(gzip.compress(b"ok")[:-4], "gzip")


@pytest.mark.parametrize("answer", [DROP, *BROKEN, *UNPACKABLE], ids=range(9))
async def test_what_broke_is_a_fault_and_the_next_call_is_well(
    serve: Serve, wire_to: Open, answer: bytes | None
) -> None:
    server = await serve(answer, OK)
    wire = wire_to(server.url)
    with pytest.raises(ModelError, match=r"The connection to http://127\.0\.0\.1:\d+/v1 broke \(.+\)\.") as raised:
        await wire.post(b"{}", 0)
    assert (raised.value.cause, raised.value.usage) == (Cause.FAULT, None)
    assert (await wire.post(b"{}", 0)).body == b"ok"
    assert server.connections == 2


async def test_what_nobody_asked_for_is_no_answer(serve: Serve, wire_to: Open) -> None:
    server = await serve(OK + OK.replace(b"ok", b"no"), OK)
    wire = wire_to(server.url)
    assert [(await wire.post(b"{}", 0)).body for _ in range(2)] == [b"ok", b"ok"]
    assert server.connections == 2


async def test_a_connection_is_used_again_until_its_server_ends_it(serve: Serve, wire_to: Open) -> None:
    closing = OK.replace(b"Content", b"Connection: close\r\nContent")
    server = await serve(OK, OK, closing, OK)
    wire = wire_to(server.url)
    for _ in range(5):
        await wire.post(b"{}", 0)
    assert server.connections == 2


async def test_a_connection_that_was_idle_for_long_is_not_used(
    serve: Serve, wire_to: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_pool, "IDLE_S", 0.0)
    server = await serve(OK)
    wire = wire_to(server.url)
    for number in range(3):
        await wire.post(b"{}", 0)
        assert server.connections == number + 1


async def test_a_host_is_found_by_its_name_at_whichever_address_answers(serve: Serve, wire_to: Open) -> None:
    """localhost is ::1, too, where nobody listens."""
    server = await serve(OK)
    wire = wire_to(server.url.replace("127.0.0.1", "localhost"))
    answers = await asyncio.gather(*(wire.post(b"{}", number) for number in range(8)))
    assert {answer.body for answer in answers} == {b"ok"}
    assert f"Host: localhost:{server.port}" in server.heads[0]


async def test_a_thousand_calls_are_in_flight_at_once(serve: Serve, wire_to: Open) -> None:
    server = await serve(OK)
    answers = await asyncio.gather(*map(wire_to(server.url).post, [b"{}"] * 1000, range(1000)))
    assert {answer.body for answer in answers} == {b"ok"}
    assert server.connections == 1000


async def test_a_call_that_is_cancelled_takes_its_connection_with_it(serve: Serve, wire_to: Open) -> None:
    server = await serve(HANG, OK)
    wire = wire_to(server.url)
    call = asyncio.create_task(wire.post(b"{}", 0))
    await server.asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await server.left.wait()
    assert (await wire.post(b"{}", 0)).body == b"ok"
    assert server.connections == 2


async def test_closing_ends_calls_in_flight(serve: Serve, wire_to: Open) -> None:
    server = await serve(HANG)
    wire = wire_to(server.url)
    call = asyncio.create_task(wire.post(b"{}", 0))
    await server.asked.wait()
    await wire.close()
    with pytest.raises(ModelError, match="it was closed on this side"):
        await call
    await server.left.wait()


def test_each_event_loop_has_connections_of_its_own() -> None:
    async def once(wire: Transport) -> bytes:
        server = await Raw(OK).start()
        wire.addresses = LoadBalancer([server.url])
        answer = await wire.post(b"{}", 0)
        await wire.close()
        await server.stop()
        return answer.body

    wire = Transport(LoadBalancer(["http://127.0.0.1:1"]), "", Limits())
    assert [asyncio.run(once(wire)) for _ in range(2)] == [b"ok", b"ok"]


async def test_the_request_is_whole(serve: Serve, wire_to: Open) -> None:
    server = await serve(OK)
    await wire_to(f"{server.url}?a=b", key="of the door").post(b"{}", 0)
    request, *headers = server.heads[0].splitlines()[:-1]
    assert request == "POST /v1/chat/completions?a=b HTTP/1.1"
    assert dict(header.split(": ") for header in headers) == {
        "Host": f"127.0.0.1:{server.port}",
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
        "Authorization": "Bearer of the door",
        "Content-Type": "application/json",
        "Content-Length": "2",
    }


async def test_a_password_is_sent_in_place_of_the_key(serve: Serve, wire_to: Open) -> None:
    server = await serve(OK)
    await wire_to(server.url.replace("//", "//ann:a%20b@"), key="of the door").post(b"{}", 0)
    assert "Authorization: Basic YW5uOmEgYg==" in server.heads[0]
    assert "Bearer" not in server.heads[0]


async def test_a_key_of_two_lines_is_never_sent(serve: Serve, wire_to: Open) -> None:
    server = await serve(OK)
    with pytest.raises(ModelError, match="a header would hold a second line"):
        await wire_to(server.url, key="of\r\nX-Door: open").post(b"{}", 0)
    assert server.heads == []


async def test_a_proxy_is_asked_for_the_whole_address(
    serve: Serve, wire_to: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await serve(OK)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("no_proxy", "")
    assert (await wire_to("http://far.invalid/v1").post(b"{}", 0)).body == b"ok"
    assert server.heads[0].startswith("POST http://far.invalid/v1/chat/completions HTTP/1.1")


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that it has signed itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=localhost")
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1)).sign(key, SHA256())
    file, pem = tmp_path / "certificate.pem", serialization.Encoding.PEM
    bare = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(made.public_bytes(pem) + bare)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


async def test_over_tls_a_certificate_has_to_be_trusted(serve: Serve, wire_to: Open, context: ssl.SSLContext) -> None:
    url = f"https://localhost:{(await serve(OK, context=context)).port}/v1"
    with pytest.raises(ModelError, match="its certificate is not trusted: ") as raised:
        await wire_to(url).post(b"{}", 0)
    assert raised.value.cause is Cause.DOWN
