"""Waiting for a DuckDB file: only one thread of this process uses the file at a time, and only one process writes
it."""

import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redraft.store.errors import StoreError, StoreHeld
from redraft.store.waiting import pause

LOCKED = "Could not set lock"  # another process has the file open
HELD_HERE = ("different configuration", "Unique file handle conflict")  # a connection of this process has the file open
HELD_HERE_S = 0.25  # seconds to wait for a connection of this process to be closed
NOTICE_S = 0.5  # seconds until a message says that an operation waits
LONG_S = 60.0  # seconds until a message says how to end the process that has the file


class ThreadQueue:
    """Lets one thread of this process use a file at a time, even if the threads have different Database objects."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: int | None = None  # the thread that uses the file

    @contextmanager
    def enter(self, path: str, patience: float | None) -> Iterator[None]:
        """Waits at most `patience` seconds (None: without limit) for the file. Raises StoreError."""
        if self._thread == threading.get_ident():
            raise StoreError(f"{path} is still being read here: read to the last row first")
        end = None if patience is None else time.monotonic() + patience
        while not self._lock.acquire(timeout=0.1 if end is None else max(0.0, min(0.1, end - time.monotonic()))):
            pause(0)
            if end is not None and time.monotonic() >= end:
                raise StoreError(f"{path} is being used by another thread for more than {patience:g} s: try again")
        self._thread = threading.get_ident()
        try:
            yield
        finally:
            self._thread = None
            self._lock.release()


QUEUES: defaultdict[str, ThreadQueue] = defaultdict(ThreadQueue)  # by the real path of the file
os.register_at_fork(after_in_child=QUEUES.clear)


class ProcessWait:
    """The wait of one operation for a file that another process or connection has open. `notify` is called with a
    message after NOTICE_S seconds, and with a second one after LONG_S seconds."""

    def __init__(self, path: str, patience: float | None, notify: Callable[[str], None]) -> None:
        self._path, self._patience, self._notify = path, patience, notify
        self._start = self._holder_since = time.monotonic()
        self._holder = ""  # the process that had the file at the last try
        self._notices = 0
        self._pause_s = 0.005

    def is_worthwhile(self, error: str) -> bool:
        """Returns whether the operation should wait and try again after this error of DuckDB. Raises StoreHeld if a
        connection of this process has the file open, and StoreError if the operation has waited for `patience` seconds.
        """
        now = time.monotonic()
        holder = _process_id(error)
        if holder == str(os.getpid()) or any(sign in error for sign in HELD_HERE):
            if now - self._start > HELD_HERE_S:
                raise StoreHeld(
                    f"{self._path} is open in a DuckDB connection of this very process: close that connection"
                    " (connection.close(), or DETACH), then try again; what is collected is safe"
                )
            return True
        if LOCKED not in error:
            return False
        if holder != self._holder:
            self._holder, self._holder_since = holder, now
        if self._patience is not None and now - self._start > self._patience:
            raise StoreError(
                f"{self._path} is held by another process (process {holder}) for more than {self._patience:g} s:"
                " try again, or close it there"
            )
        if not self._notices and now - self._start > NOTICE_S:
            self._send(f"waits its turn: process {holder} has {self._path} open")
        elif self._notices == 1 and now - self._holder_since > LONG_S:
            self._send(
                f"still waits: process {holder} has had {self._path} open for {LONG_S:g} s: close it there, or end that"
                f" process with `kill {holder}`; what is collected is safe"
            )
        return True

    def pause(self) -> None:
        """Sleeps until the next try. The sleeps increase, up to 0.1 s."""
        pause(self._pause_s * random.uniform(0.5, 1.0))
        self._pause_s = min(self._pause_s * 1.5, 0.1)

    def _send(self, text: str) -> None:
        self._notices += 1
        self._notify(text)


def _process_id(error: str) -> str:
    """Returns the process id that DuckDB's error names, such as "123"; "?" if the error names none."""
    _, _, rest = error.partition("(PID ")
    return rest.partition(")")[0] or "?"
