"""Waiting in threads, which ends with the task that waits."""

import asyncio
import threading
import time

import pytest

from redraft.store.waiting import Stopped, cut_short, off_loop, pause


async def cancelled(task: "asyncio.Task[object]", started: threading.Event) -> None:
    """Cancels a task as soon as its thread is at work, and waits for its end."""
    assert await asyncio.to_thread(started.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_function_runs_in_a_thread_with_its_arguments_and_errors() -> None:
    def divide(a: int, *, b: int) -> tuple[float, bool]:
        return a / b, threading.current_thread() is threading.main_thread()

    assert await off_loop(divide, 6, b=3) == (2.0, False)
    with pytest.raises(ZeroDivisionError):
        await off_loop(divide, 1, b=0)


async def test_the_loop_goes_on_while_the_function_waits() -> None:
    ticks = 0
    task = asyncio.create_task(off_loop(pause, 0.1))
    while not task.done():
        await asyncio.sleep(0.005)
        ticks += 1
    assert ticks > 3


async def test_a_pause_ends_with_the_task_and_nothing_goes_on_behind_its_back() -> None:
    started, told = threading.Event(), []

    def wait() -> None:
        started.set()
        try:
            pause(60)
        except Stopped:
            told.append("stopped")
            raise
        told.append("never")

    begin = time.monotonic()
    await cancelled(asyncio.create_task(off_loop(wait)), started)
    assert told == ["stopped"]
    assert time.monotonic() - begin < 30


async def test_an_error_on_the_way_out_does_not_hide_the_cancellation() -> None:
    started = threading.Event()

    def wait() -> None:
        started.set()
        try:
            pause(60)
        except Stopped:
            raise OSError("no room") from None

    await cancelled(asyncio.create_task(off_loop(wait)), started)


async def test_what_is_cut_short_is_told_so_only_meanwhile() -> None:
    started, ended, earlier = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        with cut_short(earlier.set):
            pass
        with cut_short(ended.set):
            started.set()
            assert ended.wait(30)

    await cancelled(asyncio.create_task(off_loop(work)), started)
    assert ended.is_set()
    assert not earlier.is_set()


async def test_work_that_begins_after_the_cancellation_is_not_begun() -> None:
    started, begun = threading.Event(), []

    def work() -> None:
        started.set()
        try:
            pause(60)
        except Stopped:
            with cut_short(lambda: None):
                begun.append("reading")

    await cancelled(asyncio.create_task(off_loop(work)), started)
    assert begun == []


def test_without_a_task_a_pause_is_a_sleep_and_nothing_is_cut_short() -> None:
    actions: list[str] = []
    begin = time.monotonic()
    with cut_short(lambda: actions.append("cut")):
        pause(0.02)
    assert time.monotonic() - begin >= 0.02
    assert actions == []
