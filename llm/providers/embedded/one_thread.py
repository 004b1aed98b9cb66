"""Limits numpy's BLAS to one thread while any part of the embedded model computes.

With more threads, the model's small matrix products are slower, and are rounded differently. The limit applies to the
whole process. So it is removed by the last part that finishes, not by the first.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_limits: list[Any] = []  # the limit, one entry for each part that computes


@contextmanager
def one_thread() -> Iterator[None]:
    """Limits BLAS to one thread inside the `with` block. Thread-safe."""
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
    """Returns the controller of the loaded BLAS libraries. Finding the libraries takes a millisecond."""
    return ThreadpoolController()


def _take_control() -> None:
    """Lets the current thread set limits. Without this, threadpoolctl 3.8 ignores all threads except the one that set a
    limit first."""
    for library in _controller().lib_controllers:
        if release := getattr(library, "clear_controlling_thread", None):
            release(force=True)
