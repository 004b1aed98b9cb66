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
        _limits.append(_limits[0] if _limits else _controller().limit(limits=1))
    try:
        yield
    finally:
        with _lock:
            limit = _limits.pop()
            if not _limits:
                limit.restore_original_limits()


@cache
def _controller() -> ThreadpoolController:
    """Returns what holds the libraries that are loaded; finding them takes a millisecond."""
    return ThreadpoolController()
