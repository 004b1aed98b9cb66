"""Makes Python's garbage collector run rarely during a run."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (300_000, 20, 100)  # for gc.set_threshold; Python's default is 700, 10, 10


@contextmanager
def rare_collections() -> Iterator[None]:
    """Sets the garbage collector to run rarely, and only on objects that are created from now on. A run creates many
    records and few cycles. With Python's default, the collector takes half of a run's processor time, mostly on the
    objects of libraries."""
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    if before == THRESHOLDS:  # another run has set them and will reset them
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
