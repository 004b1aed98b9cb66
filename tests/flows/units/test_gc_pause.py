"""The garbage collector is as it was after a run, and after runs that overlap."""

import gc
import weakref

import pytest

from redraft.flows.units.gc_pause import THRESHOLDS, rare_collections


def state() -> tuple[tuple[int, int, int], int]:
    return gc.get_threshold(), gc.get_freeze_count()


def test_it_collects_rarely_for_a_run_and_is_as_before_afterwards() -> None:
    before = state()

    def fail() -> None:
        with rare_collections():
            assert gc.get_threshold() == THRESHOLDS
            assert gc.get_freeze_count() > 0
            raise ValueError("the run failed")

    with pytest.raises(ValueError, match="the run failed"):
        fail()
    assert state() == before


def test_two_runs_that_overlap_leave_nothing_behind() -> None:
    before = state()
    first, second = rare_collections(), rare_collections()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert state() == before


def test_what_a_program_has_frozen_itself_stays_frozen() -> None:
    gc.freeze()
    try:
        with rare_collections():
            pass
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_what_a_run_left_in_cycles_is_freed_when_the_next_begins() -> None:
    class Job:
        def __init__(self) -> None:
            self.units = self.run

        def run(self) -> None: ...

    with rare_collections():
        left = weakref.ref(Job())
    assert left() is not None
    with rare_collections():
        assert left() is None
