"""Keeps the BLAS of numpy to one processor thread while any part of the embedded model computes.

More threads make such small products slower, and would round them otherwise. The limit is one of the process, so the
last part that is done lifts it, not the first.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_limits: list[Any] = []  # the limit, once for each part that computes


@contextmanager
def one_thread() -> Iterator[None]:
    """Computes with one processor thread. Thread-safe."""
    with _lock:
        if not _limits:
            _take_control()
        _limits.append(_limits[0] if _limits else _controller().limit(limits=1))
    try:
        yield
    finally:
        with _lock:
            limit = _limits.pop()
            if not _limits:
                _take_control()
                limit.restore_original_limits()
                _take_control()


@cache
def _controller() -> ThreadpoolController:
    """Returns what holds the libraries that are loaded; finding them takes a millisecond."""
    return ThreadpoolController()


def _take_control() -> None:
    """Lets this thread set limits: threadpoolctl 3.8 ignores all threads but the one that set a limit before."""
    for library in _controller().lib_controllers:
        if release := getattr(library, "clear_controlling_thread", None):
            release(force=True)
