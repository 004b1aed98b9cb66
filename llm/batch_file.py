"""The batches that a provider has been sent and whose answers are not used yet: a small file beside the journal."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redraft.llm.model import ModelError

KEPT_S = 29 * 24 * 3600.0  # after which providers drop what a batch answered


@dataclass(slots=True)
class Entry:
    """A batch: the mark that it carries, the keys of its calls whose answers are not used yet, and the provider's name
    for it, "" where the process ended before it was told."""

    mark: str
    keys: set[str]
    batch: str = ""


class Outstanding:
    """What a file at `path` knows of batches. What `begin` and `named` write is on the disk when they return; a last
    line that a killed process left unfinished is passed over. The file goes with its last batch. Methods raise
    ModelError where it can't be written. `now` gives the seconds since the epoch."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self.entries: dict[str, Entry] = {}  # by their marks, oldest first
        for line in _lines(path):
            self._take(line)

    def begin(self, mark: str, keys: Sequence[str]) -> Entry:
        """A batch is about to be sent."""
        self._put({"mark": mark, "keys": list(keys), "at": self._now()}, flush=True)
        return self.entries[mark]

    def named(self, entry: Entry, batch: str) -> None:
        """The provider has taken it, and calls it so."""
        self._put({"mark": entry.mark, "batch": batch}, flush=True)

    def used(self, entry: Entry, keys: Sequence[str]) -> None:
        """These answers have been used, or will never come."""
        self._put({"mark": entry.mark, "used": list(keys)})
        if not self.entries:
            self._path.unlink(missing_ok=True)

    def _put(self, line: dict[str, Any], flush: bool = False) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(b"\n" + json.dumps(line).encode() + b"\n")
                file.flush()
                if flush:
                    os.fsync(file.fileno())
        except OSError as error:
            raise ModelError(
                f"What was sent as a batch can't be written down in {self._path} ({error.strerror}).",
                cure="Make room, or choose another folder.",
                fatal=True,
            ) from None
        self._take(line)

    def _take(self, line: dict[str, Any]) -> None:
        mark = line["mark"]
        if "keys" in line and line.get("at", 0.0) > self._now() - KEPT_S:
            self.entries[mark] = Entry(mark, set(line["keys"]))
        elif (entry := self.entries.get(mark)) is None:
            return
        elif "batch" in line:
            entry.batch = line["batch"]
        elif "used" in line:
            entry.keys.difference_update(line["used"])
            if not entry.keys:
                del self.entries[mark]


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        written = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ModelError(
            f"What was sent as a batch can't be read from {path} ({error.strerror}).",
            cure="Make it readable, or choose another folder.",
            fatal=True,
        ) from None
    return [line for line in map(_parsed, written) if line is not None]


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and "mark" in line else None
