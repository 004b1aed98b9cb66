"""The batches whose answers were not yet used, in a small file beside the journal."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from redraft.llm.model import ModelError

LIFETIME_S = 29 * 24 * 3600.0  # providers delete a batch's answers after this time


@dataclass(slots=True)
class BatchEntry:
    """A batch: its mark, the keys of its calls whose answers were not yet used, and the provider's id of it. The id is
    "" if the process ended before it received the id."""

    mark: str
    keys: set[str]
    batch: str = ""


class BatchStateFile:
    """The batches in the file at `path`. Several runs may write the file at the same time.

    `begin` and `record_name` return once their line is on the disk. An unfinished line of a killed process is ignored.
    The file and its folder are deleted when no run has a batch in it. Methods raise ModelError if the file can't be
    read or written. `now` returns the seconds since the epoch.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self.entries: dict[str, BatchEntry] = {}  # by mark, oldest first
        for line in _lines(path):
            self._apply(line, self.entries)

    def begin(self, mark: str, keys: Sequence[str]) -> BatchEntry:
        """Records a batch that is about to be sent."""
        self._put({"mark": mark, "keys": list(keys), "at": self._now()}, flush=True)
        return self.entries[mark]

    def record_name(self, entry: BatchEntry, batch: str) -> None:
        """Records the provider's id of a batch."""
        self._put({"mark": entry.mark, "batch": batch}, flush=True)

    def record_used(self, entry: BatchEntry, keys: Sequence[str]) -> None:
        """Records that the calls with these `keys` are finished: their answers were used, or will never arrive."""
        self._put({"mark": entry.mark, "used": list(keys)})

    def _put(self, line: dict[str, Any], flush: bool = False) -> None:
        try:
            with self._open_locked() as file:
                file.write(b"\n" + json.dumps(line).encode() + b"\n")
                file.flush()
                if flush:
                    os.fsync(file.fileno())
                self._apply(line, self.entries)
                if line["mark"] not in self.entries:
                    self._remove()
        except OSError as error:
            raise ModelError(
                f"What was sent as a batch can't be written down in {self._path} ({error.strerror}).",
                cure="Make room, or choose another folder.",
                fatal=True,
            ) from None

    def _open_locked(self) -> BinaryIO:
        """Returns the open file under an exclusive lock: no other run can write or delete it until it is closed."""
        while True:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # another run has removed the file or its folder in the meantime
                file = self._path.open("ab")
                fcntl.flock(file, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(file.fileno()), os.stat(self._path)):
                    return file

    def _remove(self) -> None:
        """Deletes the file, unless another run has a batch in it."""
        entries: dict[str, BatchEntry] = {}
        for line in _lines(self._path):
            self._apply(line, entries)
        if not entries:
            self._path.unlink()
            with suppress(OSError):
                self._path.parent.rmdir()

    def _apply(self, line: dict[str, Any], entries: dict[str, BatchEntry]) -> None:
        mark = line["mark"]
        if "keys" in line and line.get("at", 0.0) > self._now() - LIFETIME_S:
            entries[mark] = BatchEntry(mark, set(line["keys"]))
        elif (entry := entries.get(mark)) is None:
            return
        elif "batch" in line:
            entry.batch = line["batch"]
        elif "used" in line:
            entry.keys.difference_update(line["used"])
            if not entry.keys:
                del entries[mark]


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        texts = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ModelError(
            f"What was sent as a batch can't be read from {path} ({error.strerror}).",
            cure="Make it readable, or choose another folder.",
            fatal=True,
        ) from None
    return [line for line in map(_parse, texts) if line is not None]


def _parse(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) and "mark" in line else None
