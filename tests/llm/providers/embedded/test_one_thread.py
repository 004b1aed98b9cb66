"""The limit to one processor thread holds until the last part of the embedded model is done."""

from contextlib import ExitStack
from threading import Thread, enumerate

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from redraft.llm.providers.embedded.one_thread import _controller, one_thread  # pyright: ignore[reportPrivateUsage]


def most() -> int:
    return max(library["num_threads"] for library in threadpool_info())


@pytest.fixture(autouse=True)
def quiet() -> None:
    """No engine of another test computes, this thread may set limits, and libraries that another test has loaded
    since, such as SciPy's own BLAS, are known."""
    assert np.__version__  # its BLAS is loaded
    _controller.cache_clear()
    for thread in enumerate():
        if thread.name == "redraft-embedded":
            thread.join()
    for library in ThreadpoolController().lib_controllers:
        if release := getattr(library, "clear_controlling_thread", None):
            release(force=True)


def test_the_part_that_ends_first_does_not_lift_the_limit() -> None:
    with threadpool_limits(2):
        first, second = ExitStack(), ExitStack()
        first.enter_context(one_thread())
        second.enter_context(one_thread())
        assert most() == 1
        first.close()
        assert most() == 1
        second.close()
        assert most() == 2


def test_every_thread_can_set_and_lift_the_limit() -> None:
    found: list[int] = []

    def compute() -> None:
        with one_thread():
            found.append(most())
        found.append(most())

    with threadpool_limits(2):
        for _ in range(2):
            with one_thread():
                found.append(most())
            thread = Thread(target=compute)
            thread.start()
            thread.join()
        assert found == [1, 1, 2] * 2
