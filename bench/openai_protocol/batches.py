"""Files and batches of the OpenAI protocol."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

Answered = Callable[[str, dict[str, Any]], Awaitable[tuple[int, bytes]]]
"""A function from a path and a body to the status and the body of the reply."""


@dataclass(slots=True)
class Batches:
    """The uploaded files and the batches. All lines of a batch are answered once, when the batch is first found to be
    complete."""

    answer: Answered
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _ends: dict[str, float] = field(default_factory=dict)
    _most: dict[str, int | None] = field(default_factory=dict)
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    def upload(self, content: bytes, purpose: str, filename: str) -> dict[str, Any]:
        """Stores an uploaded file, and returns its description."""
        name = f"file-{next(self._ids)}"
        self.contents[name] = content
        self.files[name] = {
            "id": name, "object": "file", "bytes": len(content), "created_at": int(time.time()),
            "filename": filename, "purpose": purpose, "status": "processed",
        }  # fmt: skip
        return self.files[name]

    def create(self, body: dict[str, Any], seconds: float, most: int | None = None) -> dict[str, Any]:
        """Creates a batch that takes this many seconds, and expires after `most` replies. Returns its description.
        Raises KeyError if there is no such file."""
        lines = self.contents[body["input_file_id"]].splitlines()
        name = f"batch_{next(self._ids)}"
        self._ends[name] = time.monotonic() + seconds
        self._most[name] = most
        now = int(time.time())
        self.batches[name] = {
            "id": name, "object": "batch", "endpoint": body.get("endpoint"), "errors": None,
            "input_file_id": body["input_file_id"], "completion_window": body.get("completion_window", "24h"),
            "status": "validating", "output_file_id": None, "error_file_id": None, "created_at": now,
            "in_progress_at": None, "expires_at": now + 86_400, "completed_at": None,
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
            "metadata": body.get("metadata"),
        }  # fmt: skip
        return self.batches[name]

    async def look(self, name: str) -> dict[str, Any]:
        """Returns the current description of a batch: validating, in_progress, completed, expired or cancelled. Raises
        KeyError."""
        batch = self.batches[name]
        async with self._one:
            if batch["status"] == "validating":
                batch |= {"status": "in_progress", "in_progress_at": int(time.time())}
            elif batch["status"] == "in_progress" and time.monotonic() >= self._ends[name]:
                await self._complete(batch)
        return batch

    def cancel(self, name: str) -> dict[str, Any]:
        """Cancels a batch that is not completed, and returns its description. Raises KeyError."""
        if self.batches[name]["status"] != "completed":
            self.batches[name]["status"] = "cancelled"
        return self.batches[name]

    async def _complete(self, batch: dict[str, Any]) -> None:
        good, bad = [], []
        most = self._most[batch["id"]]
        for number, line in enumerate(self.contents[batch["input_file_id"]].splitlines()):
            asked = orjson.loads(line)
            if most is not None and number >= most:
                bad.append(_expired(asked["custom_id"]))
                continue
            status, body = await self.answer(asked["url"], asked["body"])
            (good if status == 200 else bad).append(_line(asked["custom_id"], status, body))
        for lines, key in ((good, "output_file_id"), (bad, "error_file_id")):
            if lines:
                batch[key] = self.upload(b"\n".join(lines) + b"\n", "batch_output", f"{key}.jsonl")["id"]
        counts = {"total": len(good) + len(bad), "completed": len(good), "failed": len(bad)}
        status = "completed" if most is None else "expired"
        batch |= {"status": status, f"{status}_at": int(time.time()), "request_counts": counts}


def _expired(custom_id: str) -> bytes:
    error = {"code": "batch_expired", "message": "This request could not be executed before the window expired."}
    return orjson.dumps({"id": "batch_req_1", "custom_id": custom_id, "response": None, "error": error})


def _line(custom_id: str, status: int, body: bytes) -> bytes:
    said = orjson.dumps(custom_id)
    if status == 0:
        error = b'{"code":"server_error","message":"The request was not answered."}'
        return b'{"id":"batch_req_1","custom_id":%b,"response":null,"error":%b}' % (said, error)
    response = b'{"status_code":%d,"request_id":"1","body":%b}' % (status, body)
    return b'{"id":"batch_req_1","custom_id":%b,"response":%b,"error":null}' % (said, response)
