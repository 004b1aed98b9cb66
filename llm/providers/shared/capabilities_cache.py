"""Caches facts about models between processes, in a small file in the user's cache folder.

An event loop never waits for a write: a thread writes the file, and a reader waits for the thread.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

LIFETIME_S = 7 * 24 * 3600.0  # seconds; older facts are determined again


class CapabilityCache:
    """Facts about models by key, as JSON data.

    If the file is broken or cannot be written, no error is raised, and its facts are determined again. If `path` is
    None, the file is `redraft/models.json` in the user's cache folder, which XDG_CACHE_HOME can change. `now` returns
    the seconds since the epoch.
    """

    def __init__(self, path: Path | None = None, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now

    def load(self, key: str) -> dict[str, Any]:
        """Returns the facts under a key; empty if there are none, or if they are older than LIFETIME_S."""
        wait(list(WRITING))
        return self._entries().get(key, {}).get("facts", {})

    def store(self, key: str, facts: Mapping[str, Any]) -> None:
        """Replaces the facts under a key. Old entries are removed, and entries that other processes wrote meanwhile are
        kept. The age of an entry is counted from its first facts."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._write_entry(key, dict(facts))
        else:
            writing = WRITER.submit(self._write_entry, key, dict(facts))
            WRITING.add(writing)
            writing.add_done_callback(WRITING.discard)

    def _write_entry(self, key: str, facts: dict[str, Any]) -> None:
        entries = self._entries()
        found = entries.get(key, {}).get("found", self._now())
        entries[key] = {"found": found, "facts": facts}
        try:
            _write_file(self.path, json.dumps(entries, indent=1, sort_keys=True))
        except OSError:
            return

    @property
    def path(self) -> Path:
        """Returns the path of the file."""
        if self._path is None:
            from platformdirs import user_cache_path

            self._path = user_cache_path("redraft", appauthor=False) / "models.json"
        return self._path

    def _entries(self) -> dict[str, dict[str, Any]]:
        try:
            data = json.loads(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        oldest = self._now() - LIFETIME_S
        return {key: entry for key, entry in data.items() if _is_valid(entry, oldest)} if isinstance(data, dict) else {}


WRITER = ThreadPoolExecutor(1, "memory")  # its tasks are done before the program ends
WRITING: set[Future[None]] = set()


def _is_valid(entry: Any, oldest: float) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("facts"), dict):
        return False
    found = entry.get("found")
    return isinstance(found, int | float) and found >= oldest


def _write_file(path: Path, text: str) -> None:
    """Writes the file atomically: readers see the old file or the complete new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
