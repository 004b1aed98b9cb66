"""Limits the processor time of another process. Unlike a limit on wall-clock time, it does not depend on the load of
the machine."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

COUNTED = sys.platform == "linux"
"""Whether the processor time of another process can be read on this system."""


def processor_s(pid: int) -> float:
    """Returns the processor time, in seconds, that all threads of a process have used together. Raises OSError if the
    process has ended. The id of the process's clock is computed as in clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


class Watch:
    """Kills a process that exceeds its limit of processor time. A thread that does not wait for the process must call
    `look` every few milliseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: tuple[int, float] | None = None
        self.killed = False
        self.busy = False  # whether a request is being answered; the caller of `look` sets it

    @contextmanager
    def limited(self, pid: int, limit_s: float) -> Iterator[None]:
        """Limits the processor time of the process inside the `with` block to `limit_s` seconds. `killed` says whether
        the process was killed in the last block."""
        self.killed = False
        if COUNTED:
            with suppress(OSError):  # it has ended: the next request to it fails
                self._watched = pid, processor_s(pid) + limit_s
        try:
            yield
        finally:
            with self._lock:
                self._watched = None

    def look(self) -> None:
        """Kills the process if it has exceeded its limit."""
        with self._lock, suppress(OSError):
            if self._watched and processor_s(self._watched[0]) > self._watched[1]:
                self.killed = True
                os.kill(self._watched[0], signal.SIGKILL)
                self._watched = None
