"""Python's garbage collector during a run."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (300_000, 20, 100)  # new containers, and rounds, between collections; Python's own are 700, 10, 10


@contextmanager
def seldom() -> Iterator[None]:
    """Collects seldom, and only what is made from here on: a run makes many records, and few cycles. Without this half
    of a run's processor time went into walking over what the libraries hold."""
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    if before == THRESHOLDS:  # another run of this process sees to it, and sets it back
        yield
        return
    if not frozen:
        gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if not frozen:
            gc.unfreeze()
