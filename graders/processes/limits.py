"""Limits the processor time of another process, so that a busy machine makes no program exceed its limit."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

COUNTED = sys.platform == "linux"
"""Whether the processor time of another process can be read here."""


def processor_s(pid: int) -> float:
    """Returns the seconds of processor time that all threads of a process have used together. Raises OSError if the
    process has ended. The number of the clock is computed as clock_getcpuclockid(3) does."""
    return time.clock_gettime((~pid << 3) | 2)


class Watch:
    """Kills a process that exceeds its limit of processor time. `look` must be called every few milliseconds, by a
    thread that does not wait for the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: tuple[int, float] | None = None
        self.killed = False
        self.busy = False  # whether there is anything to look at, as who calls `look` knows

    @contextmanager
    def limited(self, pid: int, limit_s: float) -> Iterator[None]:
        """Limits the work of the process inside the `with` block to `limit_s` seconds. `killed` says whether the
        process was killed in the last block."""
        self.killed = False
        if COUNTED:
            with suppress(OSError):  # it has ended: whoever asks it for something is told so
                self._watched = pid, processor_s(pid) + limit_s
        try:
            yield
        finally:
            with self._lock:
                self._watched = None

    def look(self) -> None:
        """Kills the process if its time is up."""
        with self._lock, suppress(OSError):
            if self._watched and processor_s(self._watched[0]) > self._watched[1]:
                self.killed = True
                os.kill(self._watched[0], signal.SIGKILL)
                self._watched = None
