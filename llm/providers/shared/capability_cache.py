"""What was found out about models, kept between processes: a small file in the user's cache folder.

An event loop never waits for the file to be written: a thread writes it, and whoever reads waits for that.
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

KEPT_S = 7 * 24 * 3600.0  # after that it is found out anew


class CapabilityCache:
    """Facts by a key, as JSON data. A file that is broken, or cannot be written, is no error: what it would have held
    is found out again. `path` None: `redraft/models.json` in the cache folder, which XDG_CACHE_HOME moves. `now` gives
    the seconds since the epoch."""

    def __init__(self, path: Path | None = None, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now

    def recall(self, key: str) -> dict[str, Any]:
        """The facts of a key; empty where there are none, or only old ones."""
        wait(list(WRITING))
        return self._entries().get(key, {}).get("facts", {})

    def keep(self, key: str, facts: Mapping[str, Any]) -> None:
        """Remember the facts of a key in the place of those there were. Entries that are too old are dropped, and what
        other processes have written meanwhile stays. An entry's age counts from its first facts."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._keep(key, dict(facts))
        else:
            writing = WRITER.submit(self._keep, key, dict(facts))
            WRITING.add(writing)
            writing.add_done_callback(WRITING.discard)

    def _keep(self, key: str, facts: dict[str, Any]) -> None:
        entries = self._entries()
        found = entries.get(key, {}).get("found", self._now())
        entries[key] = {"found": found, "facts": facts}
        try:
            _write(self.path, json.dumps(entries, indent=1, sort_keys=True))
        except OSError:
            return

    @property
    def path(self) -> Path:
        """Where the file is."""
        if self._path is None:
            from platformdirs import user_cache_path

            self._path = user_cache_path("redraft", appauthor=False) / "models.json"
        return self._path

    def _entries(self) -> dict[str, dict[str, Any]]:
        try:
            data = json.loads(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        oldest = self._now() - KEPT_S
        return {key: entry for key, entry in data.items() if _sound(entry, oldest)} if isinstance(data, dict) else {}


WRITER = ThreadPoolExecutor(1, "memory")  # what it was given is written before the program ends
WRITING: set[Future[None]] = set()


def _sound(entry: Any, oldest: float) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("facts"), dict):
        return False
    found = entry.get("found")
    return isinstance(found, int | float) and found >= oldest


def _write(path: Path, text: str) -> None:
    """All of it or nothing: readers see the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
