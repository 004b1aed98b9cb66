"""Makes Python's garbage collector run rarely during a run."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (300_000, 20, 100)  # for gc.set_threshold; Python's default is 700, 10, 10
_ended = 0  # how many runs of this process have ended


@contextmanager
def rare_collections() -> Iterator[None]:
    """Sets the garbage collector to run rarely, and only on objects that are created from now on. A run creates many
    records and few cycles. With Python's default, the collector takes half of a run's processor time, mostly on the
    objects of libraries.

    An ended run leaves cycles that hold its model, up to half a gigabyte. Python would find them only after many more
    objects have been created, so the next run of the process frees them first. The first run saves this time."""
    global _ended
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    if before == THRESHOLDS:  # another run has set them and will reset them
        yield
        return
    if _ended:
        gc.collect()
    if not frozen:
        gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        _ended += 1
        gc.set_threshold(*before)
        if not frozen:
            gc.unfreeze()
