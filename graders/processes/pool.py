"""Killable processes that are shared by all event loops and threads, and asked without blocking any of them."""

import asyncio
import threading
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from redraft.graders.processes.process import Worker, WorkerError

T = TypeVar("T")


class Workers:
    """At most `most` processes of a kind, each made by `start` when it is first needed.

    They end with `close`, with the last reference to this object, or with the program, however it ends. `name` is what
    people call what they are part of.
    """

    def __init__(self, start: Callable[[], Worker], most: int, name: str) -> None:
        self._start, self._name = start, name
        self._threads = ThreadPoolExecutor(most, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._alive: set[Worker] = set()
        self._closed = False
        self._finalizer = weakref.finalize(self, _stop, self._alive, self._threads)

    async def run(self, action: Callable[[], T]) -> T:
        """What `action`, which may `ask`, returns in a thread of its own. Raises RuntimeError after `close`."""
        if self._closed:
            raise RuntimeError(f"this {self._name} is closed; make another one")
        return await asyncio.get_running_loop().run_in_executor(self._threads, action)

    def ask(self, request: Mapping[str, Any], limit_s: float, attempts: int = 2) -> dict[str, Any]:
        """The reply of a process to a request; blocks, so call it inside `run`. One that ended is replaced and asked
        again. Raises TimeoutError after `limit_s` seconds, when the process is killed, and WorkerError or OSError where
        none answers."""
        worker = self._borrow()
        try:
            reply = worker.ask(request, limit_s)
        except TimeoutError:
            self._discard(worker)
            raise
        except WorkerError:
            self._discard(worker)
            if attempts > 1 and not self._closed:
                return self.ask(request, limit_s, attempts - 1)
            raise
        with self._lock:
            self._idle.append(worker)
        return reply

    async def close(self) -> None:
        """Ends every process, the busy ones too: who waits for one gets WorkerError."""
        self._closed = True
        await asyncio.to_thread(self._finalizer)

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of those that run."""
        return tuple(worker.pid for worker in tuple(self._alive))

    def _borrow(self) -> Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        worker = self._start()
        with self._lock:
            self._alive.add(worker)
        if self._closed:
            self._discard(worker)
            raise WorkerError(f"the {self._name} was closed")
        return worker

    def _discard(self, worker: Worker) -> None:
        worker.stop()
        with self._lock:
            self._alive.discard(worker)


def _stop(workers: set[Worker], threads: ThreadPoolExecutor) -> None:
    for worker in tuple(workers):
        worker.stop()
    workers.clear()
    threads.shutdown(wait=False, cancel_futures=True)
