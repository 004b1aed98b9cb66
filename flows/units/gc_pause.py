"""Python's garbage collector during a run."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (300_000, 20, 100)  # new containers, and rounds, between collections; Python's own are 700, 10, 10


@contextmanager
def rare_collections() -> Iterator[None]:
    """Makes the collector run rarely, and only on objects that are made from here on: a run makes many records and few
    cycles. Without this half of a run's processor time goes into walking over the libraries' objects."""
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    if before == THRESHOLDS:  # another run of this process has done it, and will undo it
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
