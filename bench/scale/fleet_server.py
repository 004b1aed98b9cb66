"""A model server that replies at once or after a delay, uses little processor time, and logs its requests: `python
bench/scale/fleet_server.py PORT LOG LATENCY_MS`. A line of LOG is "?SEED" when a call arrives, and "!SEED" when its
reply is sent, so the log survives a kill."""

import asyncio
import os
import sys

import orjson

MODELS = b'{"object": "list", "data": [{"id": "tiny", "object": "model"}]}'


class Connection(asyncio.Protocol):
    """One HTTP connection. A client sends a request only after the last one was answered."""

    def __init__(self, log: int, latency_s: float) -> None:
        self._log, self._latency_s, self._received = log, latency_s, bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        _, found, after = head.partition(b"content-length:")
        size = int(after.split(b"\r\n", 1)[0]) if found else 0
        if len(self._received) < end + 4 + size:
            return
        body = bytes(self._received[end + 4 : end + 4 + size])
        del self._received[: end + 4 + size]
        if not head.startswith(b"post"):
            self._send(MODELS)
            return
        asked = orjson.loads(body)
        os.write(self._log, b"?%d\n" % asked.get("seed", -1))
        asyncio.get_running_loop().call_later(self._latency_s, self._answer, asked)

    def _answer(self, asked: dict[str, int]) -> None:
        if self._transport.is_closing():
            return
        seed, n = asked.get("seed", -1), asked.get("n") or 1
        message = {"role": "assistant", "content": f"We add the numbers of draft {seed}.\n\n#### 7"}
        choices = [{"index": index, "message": message, "finish_reason": "stop"} for index in range(n)]
        usage = {"prompt_tokens": 50, "completion_tokens": 12 * n, "total_tokens": 50 + 12 * n}
        self._send(orjson.dumps({"id": "x", "object": "chat.completion", "choices": choices, "usage": usage}))
        os.write(self._log, b"!%d\n" % seed)

    def _send(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


async def main(port: int, log: str, latency_ms: float) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(file, latency_ms / 1000), "127.0.0.1", port, backlog=4096, reuse_address=True
    )
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
